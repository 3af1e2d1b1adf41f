"""The HTTP interface: accounts, characters, tickets. docs/http.md."""

import json
import urllib.error
import urllib.request

from .handshake import Ticket

TIMEOUT = 15


class Refused(Exception):
    """The gateway's answer is no."""

    def __init__(self, status, code, message):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code = status, code


class Gateway:
    """One account's session."""

    def __init__(self, url):
        self.url, self.token = url.rstrip("/"), None

    def ask(self, method, path, body=None):
        """The JSON answer to a request."""
        request = urllib.request.Request(self.url + path, method=method)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, TIMEOUT) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            refusal = json.loads(error.read() or b"{}").get("error", {})
            raise Refused(error.code, refusal.get("code"), refusal.get("message")) from error
        return json.loads(text) if text else None

    def enter(self, username, password):
        """Registers the account unless it exists, and logs in."""
        body = {"username": username, "password": password}
        try:
            self.ask("POST", "/v1/auth/register", body)
        except Refused as refused:
            if refused.code != "name_taken":
                raise
        self.token = self.ask("POST", "/v1/auth/login", body)["token"]

    def character(self, name):
        """The id of the account's character of this name, made if need be."""
        for known in self.ask("GET", "/v1/characters")["characters"]:
            if known["name"].lower() == name.lower():
                return known["id"]
        return self.ask("POST", "/v1/characters", {"name": name})["id"]

    def sheet(self, character):
        return self.ask("GET", f"/v1/characters/{character}")

    def select(self, character, entry=None):
        """A ticket for the character's way into the world."""
        body = {} if entry is None else {"entry": entry}
        return Ticket.from_gateway(self.ask("POST", f"/v1/characters/{character}/select", body))

    def logout(self):
        self.ask("POST", "/v1/auth/logout")
        self.token = None
