"""Who may ask the operator about a pool, on an API server in memory."""

from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.controllers.context import Context
from taskfleet.controllers.questions import Authorizer, Question, RefusedError, answer
from tests.tools.hostile_names import HOSTILE_NAMES
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
ANN = {"username": "ann", "groups": ["developers"]}


async def tell(raw: Object, context: Context) -> Object:
    assert context is not None
    return {"told": raw["metadata"]["name"]}


READ, WRITE = Question("get", tell), Question("patch", tell)


class Asked(Scene):
    """Ann may read the pool mail, and bob write it."""

    def __init__(self) -> None:
        super().__init__()
        self.add(pool())
        self.server.tokens = {
            ("", "anns"): ANN,
            ("", "bobs"): {"username": "bob"},
            ("taskfleet.dev", "accounts"): {"username": "system:serviceaccount:taskfleet-system:client"},
        }
        self.server.allowed = {
            ("ann", "get", NAMESPACE, "mail"),
            ("ann", "get", NAMESPACE, "nail"),
            ("bob", "patch", NAMESPACE, "mail"),
            ("system:serviceaccount:taskfleet-system:client", "get", NAMESPACE, "mail"),
        }
        self.authorizer = Authorizer(self.context.gateway, clock=lambda: self.seconds)

    async def ask(self, token: str, question: Question = READ, *, about: Key = MAIL) -> Object:
        return await answer(question, about, token, self.authorizer, self.context)

    async def refused(self, token: str, question: Question = READ, *, about: Key = MAIL) -> tuple[int, str]:
        with pytest.raises(RefusedError) as refusal:
            await self.ask(token, question, about=about)
        return refusal.value.status, str(refusal.value)


async def test_who_may_read_the_pool_is_told_why_it_has_its_size() -> None:
    assert await Asked().ask("anns") == {"told": "mail"}


async def test_a_token_that_was_made_for_the_question_is_as_good() -> None:
    assert await Asked().ask("accounts") == {"told": "mail"}


async def test_messages_are_for_who_may_write_the_pool() -> None:
    scene = Asked()
    assert await scene.ask("bobs", WRITE) == {"told": "mail"}
    assert await scene.refused("anns", WRITE) == (
        403,
        f"User 'ann' cannot patch WorkerPool 'mail' in namespace {NAMESPACE!r}.",
    )


async def test_whether_a_pool_exists_is_told_to_who_may_know() -> None:
    scene = Asked()
    assert (await scene.refused("anns", about=MAIL._replace(name="nail")))[0] == 404
    assert (await scene.refused("bobs", about=MAIL._replace(name="nail")))[0] == 403
    assert (await scene.refused("anns", about=MAIL._replace(namespace="other")))[0] == 403


@pytest.mark.parametrize(
    "token",
    ["unknown", "", "\xff", "\udcff", "a\nb", "\x00", "\u2028", "x" * 100_000],
    ids=["unknown", "none", "latin", "surrogate", "newline", "zero", "line-separator", "long"],
)
async def test_what_is_no_token_is_refused(token: str) -> None:
    scene = Asked()
    assert (await scene.refused(token))[0] == 401
    assert len(scene.server.requests) <= 2


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
async def test_what_is_no_name_reaches_no_api_server(name: str) -> None:
    scene = Asked()
    assert (await scene.refused("anns", about=MAIL._replace(name=name)))[0] == 400
    assert (await scene.refused("anns", about=MAIL._replace(namespace=name)))[0] == 400
    assert scene.server.requests == []


async def test_whose_token_it_is_is_remembered_for_ten_seconds_and_their_rights_are_not() -> None:
    scene = Asked()
    await scene.ask("anns")
    scene.server.tokens.clear()
    await scene.ask("anns")
    scene.server.allowed.clear()
    assert (await scene.refused("anns"))[0] == 403
    scene.seconds = 11
    assert (await scene.refused("anns"))[0] == 401


async def test_an_api_server_that_does_not_review_is_the_answer() -> None:
    scene = Asked()
    scene.server.refuse("create", "tokenreviews")
    status, said = await scene.refused("anns")
    assert (status, said) == (
        503,
        "The API server cannot review the request (403 Forbidden). Retry in a moment.",
    )


async def test_reviews_name_all_that_is_known_of_the_caller() -> None:
    scene = Asked()
    await scene.ask("anns")
    bodies: list[Any] = [request.body for request in scene.server.requests]
    assert bodies[-1]["spec"] == {
        "user": "ann",
        "groups": ["developers"],
        "resourceAttributes": {
            "namespace": NAMESPACE,
            "verb": "get",
            "group": "taskfleet.dev",
            "resource": "workerpools",
            "name": "mail",
        },
    }
