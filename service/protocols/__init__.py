"""One module a wire protocol; each turns its requests into entries and its answers into bytes."""
