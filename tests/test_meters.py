"""The meters count what a known graph keeps."""

import torch

from fixtures.meters import saved_bytes


class TestSavedBytes:
    def test_counts_what_one_operation_saves(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved:
            x.exp()
        assert saved.total == 4 * 4

    def test_adds_distinct_storages(self):
        x, y = torch.ones(4, requires_grad=True), torch.ones(4, dtype=torch.float64, requires_grad=True)
        with saved_bytes() as saved:
            x * y
        assert saved.total == 4 * 4 + 4 * 8

    def test_counts_a_storage_once(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved:
            x * x.view(2, 2).view(4)
        assert saved.total == 4 * 4

    def test_counts_a_view_as_the_whole_storage_it_keeps_alive(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved:
            x[:1] * x[:1]
        assert saved.total == 4 * 4

    def test_counts_nothing_where_nothing_is_saved(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved, torch.no_grad():
            x.exp()
        assert saved.total == 0

    def test_does_not_count_after_the_block(self):
        x = torch.ones(4, requires_grad=True)
        with saved_bytes() as saved:
            pass
        x.exp()
        assert saved.total == 0
