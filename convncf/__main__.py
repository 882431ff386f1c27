"""python -m convncf: the same as the convncf command."""

from convncf.cli import main

if __name__ == "__main__":
    main()
