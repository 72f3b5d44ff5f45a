"""Entry point of `python -m models`."""

from models.cli import run

if __name__ == "__main__":
    run()
