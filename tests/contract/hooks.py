"""What schemathesis needs to ask everything and still be somebody.

Makes a few people, a group and a message, so that small ids are somebody's. Logs in anew every second: it may then log
itself out, and end its own sessions, like any client. It never resets its own password, which it could not know then.
"""

import os

import requests
import schemathesis

API = os.environ["STARLING_URL"] + "/api/v1"
PASSWORD = "correct horse battery"


def post(path, body, token=None, method="POST"):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.request(method, API + path, json=body, headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()


def register(name):
    return post("/register", {"name": name, "password": PASSWORD})


def prepare():
    """The first account is an admin and makes the last one another, who asks."""
    chief, anna, _, asker = [register(name) for name in ("chief", "anna", "bert", "asker")]
    own = asker["user"]["id"]
    post(f"/admin/users/{own}", {"admin": True}, chief["token"], "PATCH")
    group = post("/groups", {"name": "flock", "members": [anna["user"]["id"]]}, asker["token"])
    for conv in (f"g:{group['id']}", f"u:{anna['user']['id']}", f"u:{own}"):
        text = {"cid": conv, "media": 1, "content": "hello"}
        post(f"/conversations/{conv}/messages", text, asker["token"])
    post("/friends", {"id": own}, anna["token"])
    return own


OWN = prepare()


@schemathesis.auth(refresh_interval=1)
class Login:
    """A fresh session."""

    def get(self, case, context):
        return post("/login", {"name": "asker", "password": PASSWORD})["token"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    """Accounts are administered, but not the one that asks."""
    administers = context.operation.path.startswith("/api/v1/admin/users/")
    return not administers or str((path_parameters or {}).get("id")) != str(OWN)
