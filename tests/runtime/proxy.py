"""A TCP proxy before Redis whose connections can go silent without closing, as behind a lost node or a NAT."""

import contextlib
import selectors
import socket
import threading

from tests.runtime.ports import free_port


class Proxy:
    """Forwards bytes until `freeze`; connections made after that work."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._target = target_port
        self._peers: dict[socket.socket, socket.socket] = {}
        self._frozen: list[socket.socket] = []
        self._silenced: set[socket.socket] = set()
        self._silencing: bytes | None = None
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._stop = False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        """Neither side of any connection hears of the other again."""
        with self._lock:
            for sock in self._peers:
                self._selector.unregister(sock)
            self._frozen += self._peers
            self._peers = {}

    def swallow_replies(self, address: str | None = None) -> None:
        """Redis hears everything on the connections of now, and what it answers is lost; `address`: only on the one
        that it sees come from there."""
        with self._lock:
            for sock in self._peers:
                host, port = sock.getsockname()
                if self._is_reply(sock) and address in (None, f"{host}:{port}"):
                    self._silenced.add(sock)

    def swallow_replies_from(self, text: bytes) -> None:
        """On every connection on which Redis answers something with this text: that answer and all that follow."""
        with self._lock:
            self._silencing = text

    @property
    def connected(self) -> bool:
        """Whether there is any connection."""
        return bool(self._peers)

    def cut(self) -> None:
        """Every connection ends; new ones work."""
        with self._lock:
            self._silencing = None
            for sock in list(self._peers):
                if sock in self._peers:
                    self._drop(sock)

    def close(self) -> None:
        """Connections are cut and none can be made. To be called again at the end does no harm."""
        if self._stop:
            return
        self._stop = True
        self._thread.join()
        for sock in (self._listener, *self._peers, *self._frozen):
            sock.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._stop:
            for key, _ in self._selector.select(0.05):
                with self._lock:
                    self._step(key.fileobj)

    def _step(self, sock: object) -> None:
        if sock is self._listener:
            self._accept()
        elif isinstance(sock, socket.socket) and sock in self._peers:
            try:
                data = sock.recv(65536)
                if self._silencing is not None and self._is_reply(sock) and self._silencing in data:
                    self._silenced.add(sock)
                if sock not in self._silenced:
                    self._peers[sock].sendall(data)
            except OSError:
                data = b""
            if not data:
                self._drop(sock)

    def _is_reply(self, sock: socket.socket) -> bool:
        """Whether what is read here comes from Redis."""
        return bool(sock.getpeername()[1] == self._target)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _drop(self, sock: socket.socket) -> None:
        for one in (sock, self._peers[sock]):
            with contextlib.suppress(KeyError):
                self._selector.unregister(one)
            self._peers.pop(one, None)
            one.close()
