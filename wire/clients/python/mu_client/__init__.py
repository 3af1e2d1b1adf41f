"""A client of the game's protocol, made from docs/protocol.md and docs/http.md alone.

`Client` takes bytes and a time and gives bytes and events; `Link` puts it on a socket; `Player` is what plays. Needs the
package `cryptography` for AES-GCM, ChaCha20-Poly1305 and X25519, and nothing else beyond the standard library.
"""

from .client import Client, Ticket
from .codec import Malformed

__all__ = ["Client", "Malformed", "Ticket"]
