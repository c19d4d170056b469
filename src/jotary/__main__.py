"""`python -m jotary`: the command line, where its script is not on the path."""

from jotary.cli import main

if __name__ == "__main__":
    main()
