"""A server that speaks OpenAI's protocol, as far as answers and the list of models go."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


class Server(BaseHTTPRequestHandler):
    """Answers as OpenAI's chat completions do; turns away what the tests ask it to."""

    failures: ClassVar[dict[str, list[int]]] = {}
    models: ClassVar[list[str]] = []
    # What a model says to everything; others repeat what they were asked.
    manners: ClassVar[dict[str, str]] = {}

    def do_GET(self):
        if self.failures.get("models"):
            return self._send(self.failures["models"][0], {"error": {"message": "no list"}})
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "me"} for name in self.models]
        return self._send(200 if self.path == "/v1/models" else 404, {"object": "list", "data": listed})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        queue = self.failures.get(prompt, [])
        if queue:
            status = queue[0] if queue[0] < 500 else queue.pop(0)
            return self._send(status, {"error": {"message": f"no to {prompt}"}})
        repeated = f"{body['model']} says {prompt} {body['temperature']} {body['max_tokens']}"
        text = self.manners.get(body["model"], repeated)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8}
        return self._send(
            200,
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [choice],
                "usage": usage,
            },
        )

    def _send(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def serving():
    """The URL of a server that runs for as long as the block lasts."""
    Server.failures, Server.models, Server.manners = {}, [], {}
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/v1"
        finally:
            running.shutdown()
            thread.join()
