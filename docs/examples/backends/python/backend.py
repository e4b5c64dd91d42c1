"""A backend for Pharos over plain HTTP: it signs tokens, publishes, and answers what edges ask. It needs no packages.

python3 backend.py
"""

import base64
import hashlib
import hmac
import json
import os
import time
import urllib.request
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PORT = int(os.environ.get("PORT", "3000"))
API_URL = os.environ.get("API_URL", "http://127.0.0.1:9001/api")
API_KEY = os.environ.get("API_KEY", "api-key-for-development")
TOKEN_SECRET = os.environ.get("TOKEN_SECRET", "token-secret-for-development")
HOOK_KEY = os.environ.get("HOOK_KEY", "hook-key-for-development")

# Your application knows who is logged in, and who may see what.
SESSIONS = {"session-of-ann": "ann", "session-of-bob": "bob"}
MEMBERS = {"room:lobby": {"ann", "bob"}, "room:staff": {"ann"}, "$vip": {"ann"}}


def may_see(user, channel):
    return user in MEMBERS.get(channel, ())


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signed_token(**claims):
    """A JWT, signed by HS256. With `channel` it is one to subscribe with, without it one to connect with."""
    now = int(time.time())
    parts = ({"alg": "HS256", "typ": "JWT"}, {**claims, "iat": now, "exp": now + 600})
    signed = b".".join(base64url(json.dumps(part).encode()) for part in parts)
    signature = hmac.new(TOKEN_SECRET.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64url(signature)).decode()


def publish(channel, data, message_id):
    """Publishes once, however often it is tried: `message_id` is the key by which Pharos knows the publication again."""
    body = json.dumps({"channel": channel, "data": data, "idempotency_key": message_id}).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": API_KEY}
    request = urllib.request.Request(f"{API_URL}/publish", body, headers)
    answer = {"error": {"code": 100, "message": "no answer"}}
    for _ in range(3):
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                answer = json.load(response)
        except OSError:
            continue  # no answer: it may have been published or not
        # 100 is temporary: the outcome may not be known yet.
        if answer.get("error", {}).get("code") != 100:
            break
    return answer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        user = self.user()
        url = urlsplit(self.path)
        if url.path != "/token":
            return self.answer(404, "not found")
        if user is None:
            return self.answer(401, "log in first")
        channel = parse_qs(url.query).get("channel", [None])[0]
        if channel is None:
            return self.answer(200, signed_token(sub=user, info={"name": user}))
        if not may_see(user, channel):
            return self.answer(403, "not your channel")
        return self.answer(200, signed_token(sub=user, channel=channel))

    def do_POST(self):
        try:
            asked = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), 65_536)))
            status, body = self.message(asked) if self.path == "/messages" else self.hook(asked)
        except (KeyError, TypeError, ValueError):
            status, body = 400, "bad request"
        self.answer(status, body)

    def hook(self, asked):
        # Whoever else finds these addresses is turned away.
        if not hmac.compare_digest(self.headers.get("X-Hook-Key", "").encode(), HOOK_KEY.encode()):
            return 403, "forbidden"
        hooks = {"/pharos/connect": self.connect, "/pharos/subscribe": self.subscribe, "/pharos/rpc": self.rpc}
        hook = hooks.get(self.path)
        return (404, "not found") if hook is None else (200, hook(asked))

    def message(self, asked):
        user = self.user()
        if user is None:
            return 401, "log in first"
        if not may_see(user, asked["channel"]):
            return 403, "not your channel"
        answer = publish(asked["channel"], {"from": user, "text": asked["text"]}, asked["id"])
        return 502 if "error" in answer else 200, answer

    def connect(self, asked):
        user = self.user()
        if user is None:
            return {"disconnect": {"code": 4501, "reason": "log in first"}}
        return {"result": {"user": user, "info": {"name": user}}}

    def subscribe(self, asked):
        if may_see(asked["user"], asked["channel"]):
            return {"result": {}}
        return {"error": {"code": 103, "message": "permission denied"}}

    def rpc(self, asked):
        if asked["method"] == "greet":
            return {"result": {"data": {"text": f"hello {asked['user']}"}}}
        return {"error": {"code": 404, "message": "no such method"}}

    def user(self):
        session = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        return None if session is None else SESSIONS.get(session.value)

    def answer(self, status, body):
        is_text = isinstance(body, str)
        data = (body if is_text else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print(f"listens at http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
