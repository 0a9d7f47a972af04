"""`ser explore`: serves the page until Ctrl-C."""

import os
import secrets
import socket
import sys
import threading

import uvicorn

from ser.core.errors import SerError
from ser.core.watch import Stopped
from ser.explore.app import Room, make_app
from ser.predict.model import Predictor

_HOST = "127.0.0.1"
# what is under way may end within this time: a second after Ctrl-C this process is cut off
_FAREWELL_S = 0.6
# connections beyond what the desks hold are refused before they are read
_CONNECTIONS = 200


def explore(model: Predictor, port: int) -> None:
    """Print a link, and serve the page to this machine alone until Ctrl-C.

    Args:
        port: 0 takes one that is free.

    Raises:
        SerError: if the port is taken.
    """
    with _listen(port) as listener:
        port, token = listener.getsockname()[1], secrets.token_urlsafe(24)
        app = make_app(Room.of(model), port, token)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="error",
                access_log=False,
                server_header=False,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=0,
                lifespan="on",
                ws="none",
            )
        )
        # signals come to the main thread, which this project ends in its own way
        serving = threading.Thread(target=server.run, args=([listener],), daemon=True)
        serving.start()
        print(f"http://{_HOST}:{port}/#{token}", flush=True)
        print("Open this link; Ctrl-C ends the page.", file=sys.stderr, flush=True)
        try:
            serving.join()
        except Stopped as stopped:
            server.should_exit = True
            serving.join(_FAREWELL_S)
            print("\nThe page is closed; nothing of what it heard is kept.", file=sys.stderr)
            sys.stderr.flush()
            os._exit(stopped.status)
    raise SerError("The page has ended by itself; run `ser explore` again.")


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        listener.listen(_CONNECTIONS)
    except OSError as error:
        listener.close()
        reason = (error.strerror or "it cannot be had").lower()
        raise SerError(
            f"Port {port} cannot be used ({reason}); leave --port out for one that is free."
        ) from None
    return listener
