"""Several runs of one scenario or more, interleaved: what a single run cannot say."""
