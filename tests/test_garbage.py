"""What collection made is out of the way of garbage collection, which goes on for all else."""


def test_what_is_collected_is_looked_through_no_more(project):
    project.suite('''
import gc

@fact("torch.add")
def test_frozen():
    """`add` adds two tensors."""
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10 * len(gc.get_objects())
    assert torch.add(1, 1) == 2
''')
    project.run()
    assert project.verdicts() == {"topic.area.frozen": "holds"}
