"""CURVE keys as pyzmq wants them."""

import pathlib

import zmq
import zmq.utils.z85


class Keys:
    """A key pair, for sockets that connect to the broker with that public key. All are 40 characters of Z85."""

    def __init__(self, broker, secret=None):
        self.broker = broker
        self.public, self.secret = (zmq.curve_public(secret), secret) if secret else zmq.curve_keypair()

    @staticmethod
    def of_context(path):
        """The keys in a context's file."""
        fields = dict(line.split("=", 1) for line in pathlib.Path(path).read_text().splitlines() if "=" in line)
        return Keys(fields["broker-key"].encode(), fields["secret-key"].encode())

    @property
    def bytes(self):
        """The public key as it stands in messages."""
        return zmq.utils.z85.decode(self.public)

    def use(self, socket):
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = self.public, self.secret, self.broker
