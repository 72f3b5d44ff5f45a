"""The Open Inference Protocol, version 2, and those of Triton's extensions that make sense here."""
