"""Campaign's vocabulary. Pure: no input or output, no metrics."""
