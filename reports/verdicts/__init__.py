"""What runs decided: from their records to what people read, and the command that makes a run."""
