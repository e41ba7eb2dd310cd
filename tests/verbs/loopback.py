"""As much of a W&B server, on this machine, as its `wandb sweep` and `wandb agent` talk to."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import Any

import yaml

ENTITY, PROJECT, SWEEP = "somebody", "skeleton_lab", "loopback1"


class Loopback:
    """sweep: the configuration that was registered. Hands out a grid's combinations one by one, then ends the agent."""

    def __init__(self) -> None:
        self.sweep: dict[str, Any] = {}
        self.left: list[dict[str, Any]] = []
        self.handed_out: list[dict[str, Any]] = []
        self.operations: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Loopback":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        found = re.search(r"(?:query|mutation)\s+(\w+)", query)
        operation = found[1] if found else ""
        self.operations.append(operation)
        if operation == "UpsertSweep":
            return self._register(yaml.safe_load(variables["config"]))
        if operation == "Heartbeat":
            running = json.loads(variables.get("runState") or "{}")
            commands = [] if any(running.values()) else self._commands()
            return {"agentHeartbeat": {"agent": {"id": "agent"}, "commands": json.dumps(commands)}}
        if operation == "CreateAgent":
            return {"createAgent": {"agent": {"id": "agent"}}}
        if "sweep(" in query:
            config = yaml.safe_dump(self.sweep)
            sweep = {
                **{"id": "1", "name": SWEEP, "method": "grid", "state": "RUNNING", "description": "", "config": config},
                **{"createdAt": "2026-01-01T00:00:00", "heartbeatAt": "2026-01-01T00:00:00", "updatedAt": None},
                **{"earlyStopJobRunningTime": None, "controller": None, "scheduler": None},
                "runs": {"edges": [], "pageInfo": {"endCursor": None, "hasNextPage": False}},
            }
            return {"project": {"sweep": sweep}}
        viewer = {"id": "1", "entity": ENTITY, "username": ENTITY, "flags": "{}", "teams": {"edges": []}}
        return {"viewer": viewer, "serverInfo": None, "entity": None, "project": None}

    def _register(self, config: dict[str, Any]) -> dict[str, Any]:
        self.sweep = config
        values = [parameter["values"] for parameter in config["parameters"].values()]
        self.left = [dict(zip(config["parameters"], chosen, strict=True)) for chosen in product(*values)]
        project = {"id": "1", "name": PROJECT, "entity": {"id": "1", "name": ENTITY}}
        return {"upsertSweep": {"sweep": {"name": SWEEP, "project": project}, "configValidationWarnings": []}}

    def _commands(self) -> list[dict[str, Any]]:
        if not self.left:
            return [{"type": "exit"}]
        chosen = self.left.pop(0)
        self.handed_out.append(chosen)
        arguments = {key: {"value": value} for key, value in chosen.items()}
        run_id = f"run{len(self.handed_out)}"
        return [{"type": "run", "run_id": run_id, "program": self.sweep["program"], "args": arguments}]


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.endswith("/graphql"):
                asked = json.loads(body)
                self._send(json.dumps({"data": server.answer(asked["query"], asked.get("variables") or {})}))
            else:
                self._send("{}")

        do_GET = do_PUT = do_POST

        def _send(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None: ...

    return Handler
