"""``python -m ohlcvml.cli`` is ``ohlcvml``."""

from ohlcvml.cli._app import main

if __name__ == "__main__":
    main()
