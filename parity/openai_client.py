"""OpenAI's Python client before a server that runs: every route, and what it makes of every kind of answer.

    zeroth serve --port 8080 --no-page --model CHAT.gguf --model ENCODER
    python parity/openai_client.py http://127.0.0.1:8080 CHAT [ENCODER] [--key KEY]

Prints a line for each check and exits with 1 where one fails. The raw frames of streams are looked at as well, as the
client forgives what others do not. A small model's answers are not judged, only their form. (openai==3.57)
"""

import argparse
import base64
import io
import json
import struct
import sys
import traceback

import httpx2 as httpx
import openai

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("url")
parser.add_argument("model")
parser.add_argument("encoder", nargs="?")
parser.add_argument("--key", default="none")
given = parser.parse_args()
client = openai.OpenAI(base_url=f"{given.url}/v1", api_key=given.key)
raw = httpx.Client(base_url=given.url, headers={"Authorization": f"Bearer {given.key}"}, timeout=120)
messages = [{"role": "user", "content": "Is this a fact or an opinion? Snow is cold."}]
asked = {"model": given.model, "messages": messages, "max_completion_tokens": 12, "temperature": 0}
tool = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
schema = {
    "type": "object",
    "properties": {"kind": {"enum": ["fact", "opinion"]}, "sure": {"type": "boolean"}},
    "required": ["kind", "sure"],
    "additionalProperties": False,
}
checks = []


def check(made):
    checks.append(made)
    return made


def refused(kind, call, **expected):
    """The error of this class that the call raises, with these attributes."""
    try:
        call()
    except kind as error:
        for name, value in expected.items():
            got = getattr(error, name)
            assert got == value, f"{name} is {got!r}, not {value!r}"
        return error
    raise AssertionError(f"no {kind.__name__}")


def frames(path, body):
    """The data of a stream's events, as they come."""
    with raw.stream("POST", path, json={**body, "stream": True}) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        return [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]


@check
def models():
    names = [model.id for model in client.models.list()]
    assert given.model in names
    assert client.models.retrieve(given.model).object == "model"
    refused(openai.NotFoundError, lambda: client.models.retrieve("no-such-model"), code="model_not_found", param="model")
    refused(openai.PermissionDeniedError, lambda: client.models.delete(given.model))


@check
def completions():
    body = {"model": given.model, "prompt": "The capital of France is", "max_tokens": 4, "temperature": 0}
    one = client.completions.create(**body, logprobs=2, echo=True)
    told = one.choices[0].logprobs
    assert one.choices[0].text.startswith("The capital of France is")
    assert told.token_logprobs[0] is None and all(number <= 0 for number in told.token_logprobs[1:])
    assert "".join(told.tokens) == one.choices[0].text, told.tokens
    assert [one.choices[0].text[at:].startswith(token) for at, token in zip(told.text_offset, told.tokens)]
    assert len(told.tokens) == one.usage.prompt_tokens + one.usage.completion_tokens
    ids = raw.post("/tokenize", json={"model": given.model, "prompt": "The river"}).json()["tokens"]
    assert len(client.completions.create(**{**body, "prompt": [ids, ids]}, n=2).choices) == 4
    assert client.completions.create(**{**body, "prompt": ["a", "b"]}).choices[1].index == 1
    streamed = "".join(chunk.choices[0].text for chunk in client.completions.create(**body, stream=True))
    assert streamed == client.completions.create(**body).choices[0].text
    assert len(client.completions.create(**{**body, "temperature": 1}, best_of=3, n=2, seed=7).choices) == 2
    refused(openai.BadRequestError, lambda: client.completions.create(**body, suffix="end"), param="suffix")


@check
def chat():
    told = client.chat.completions.create(**asked, logprobs=True, top_logprobs=3)
    choice = told.choices[0]
    assert choice.message.role == "assistant" and choice.message.content and choice.finish_reason in ("stop", "length")
    assert told.usage.total_tokens == told.usage.prompt_tokens + told.usage.completion_tokens
    content = choice.logprobs.content
    assert bytes(b for token in content for b in token.bytes).decode() == choice.message.content
    assert all(len(token.top_logprobs) == 3 for token in content)
    raw_answer = raw.post("/v1/chat/completions", json=asked).json()
    assert raw_answer["choices"][0]["message"]["refusal"] is None and "logprobs" in raw_answer["choices"][0]
    assert len(client.chat.completions.create(**{**asked, "temperature": 1}, n=3, seed=1).choices) == 3
    stopped = client.chat.completions.create(**asked, stop=choice.message.content[3:6])
    assert stopped.choices[0].finish_reason == "stop"


@check
def an_answer_that_ends_by_itself_has_no_end_token_in_its_logprobs():
    body = {**asked, "max_completion_tokens": 400, "logprobs": True, "messages": [{"role": "user", "content": "Say hi."}]}
    choice = client.chat.completions.create(**body).choices[0]
    assert choice.finish_reason == "stop", choice.finish_reason
    assert bytes(b for token in choice.logprobs.content for b in token.bytes).decode() == choice.message.content
    assert not any("<|" in token.token for token in choice.logprobs.content)
    chunks = list(client.chat.completions.create(**body, stream=True))
    tokens = [token for chunk in chunks if chunk.choices[0].logprobs for token in chunk.choices[0].logprobs.content]
    assert [token.token for token in tokens] == [token.token for token in choice.logprobs.content]


@check
def chat_streams():
    body = {**asked, "stream_options": {"include_usage": True}}
    events = frames("/v1/chat/completions", body)
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] == 12
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]]
    assert reasons[-1] == "length" and all(reason is None for reason in reasons[:-1])
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    # The helper raises on an answer that was cut off, so this one may end by itself.
    whole = {**asked, "max_completion_tokens": 400, "messages": [{"role": "user", "content": "Say hi."}]}
    with client.chat.completions.stream(**whole) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == client.chat.completions.create(**whole).choices[0].message.content


@check
def structured_answers():
    named = {"name": "judgement", "schema": schema, "strict": True}
    body = {**asked, "max_completion_tokens": 60, "response_format": {"type": "json_schema", "json_schema": named}}
    told = json.loads(client.chat.completions.create(**body).choices[0].message.content)
    assert told["kind"] in ("fact", "opinion") and isinstance(told["sure"], bool) and len(told) == 2
    free = {**asked, "max_completion_tokens": 200, "response_format": {"type": "json_object"}}
    choice = client.chat.completions.create(**free).choices[0]
    assert choice.finish_reason == "length" or isinstance(json.loads(choice.message.content), dict)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**body, stream=True))
    assert json.loads(text) == told


@check
def tools():
    body = {**asked, "tools": [tool], "tool_choice": "required", "max_completion_tokens": 80}
    template = raw.get("/tokenizer_info", params={"model": given.model}).json().get("chat_template", "")
    if "tools" not in template:
        refused(openai.BadRequestError, lambda: client.chat.completions.create(**body), param="tools")
        return "refused: its chat template knows of no tools"
    choice = client.chat.completions.create(**body).choices[0]
    (call,) = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and call.function.name == "weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    back = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    more = {**asked, "tools": [tool], "messages": [*messages, choice.message.model_dump(exclude_none=True), back]}
    assert client.chat.completions.create(**more).choices[0].message.role == "assistant"
    with client.chat.completions.stream(**body) as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert streamed.function.arguments == call.function.arguments


@check
def stored_chats():
    kept = client.chat.completions.create(**asked, store=True, metadata={"about": "snow"})
    assert client.chat.completions.retrieve(kept.id).choices[0].message.content == kept.choices[0].message.content
    assert client.chat.completions.messages.list(kept.id).data[0].content == messages[0]["content"]
    assert kept.id in [one.id for one in client.chat.completions.list(metadata={"about": "snow"}, model=given.model)]
    assert kept.id not in [one.id for one in client.chat.completions.list(metadata={"about": "fire"})]
    assert client.chat.completions.update(kept.id, metadata={"about": "ice"}).metadata == {"about": "ice"}
    chunks = list(client.chat.completions.create(**asked, store=True, stream=True))
    assert client.chat.completions.retrieve(chunks[0].id).choices[0].message.content == kept.choices[0].message.content
    for name in (kept.id, chunks[0].id):
        assert client.chat.completions.delete(name).deleted
        refused(openai.NotFoundError, lambda name=name: client.chat.completions.retrieve(name))


@check
def responses():
    body = {"model": given.model, "input": "Say hi.", "max_output_tokens": 400, "temperature": 0}
    one = client.responses.create(**body, include=["message.output_text.logprobs"], top_logprobs=2)
    assert one.output_text and one.status == "completed"
    assert "".join(token.token for token in one.output[0].content[0].logprobs) == one.output_text
    cut = client.responses.create(**{**body, "max_output_tokens": 16})
    assert cut.status == "incomplete" and cut.incomplete_details.reason == "max_output_tokens"
    assert client.responses.retrieve(one.id).output_text == one.output_text
    assert client.responses.input_items.list(one.id).data[0].content[0].text == "Say hi."
    two = client.responses.create(**{**body, "input": "And bye."}, previous_response_id=one.id)
    assert two.previous_response_id == one.id and two.usage.input_tokens > one.usage.input_tokens
    with client.responses.stream(**body) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert events[0].type == "response.created" and final.output_text == one.output_text
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == sorted(set(numbers))
    form = {"format": {"type": "json_schema", "name": "judgement", "schema": schema, "strict": True}}
    made = client.responses.create(**{**body, "max_output_tokens": 60}, text=form)
    assert json.loads(made.output_text)["kind"] in ("fact", "opinion")
    client.responses.delete(one.id)
    refused(openai.NotFoundError, lambda: client.responses.retrieve(one.id))


@check
def embeddings():
    if given.encoder is None:
        return "left out: no encoder named"
    texts = ["Snow is cold.", "Fire is hot."]
    told = client.embeddings.create(model=given.encoder, input=texts)
    numbers = client.embeddings.create(model=given.encoder, input=texts, encoding_format="float")
    coded = client.embeddings.create(model=given.encoder, input=texts, encoding_format="base64")
    for one, two, three in zip(told.data, numbers.data, coded.data, strict=True):
        bytes_ = base64.b64decode(three.embedding)
        packed = struct.unpack(f"<{len(bytes_) // 4}f", bytes_)
        assert len(one.embedding) == len(two.embedding) == len(packed)
        assert max(abs(a - b) for a, b in zip(one.embedding, two.embedding)) < 1e-7
        assert max(abs(a - b) for a, b in zip(packed, two.embedding)) < 1e-7
    assert told.usage.prompt_tokens > 0
    refused(openai.BadRequestError, lambda: client.embeddings.create(model=given.encoder, input=""), param="input")
    refused(openai.BadRequestError, lambda: client.chat.completions.create(**{**asked, "model": given.encoder}))


@check
def files_and_batches():
    line = {"custom_id": "a", "method": "POST", "url": "/v1/completions"}
    line["body"] = {"model": given.model, "prompt": "Snow is", "max_tokens": 4, "temperature": 0}
    content = (json.dumps(line) + "\n").encode()
    file = client.files.create(
        file=("requests.jsonl", io.BytesIO(content)),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert file.bytes == len(content) and client.files.content(file.id).read() == content
    assert file.id in [one.id for one in client.files.list(purpose="batch")]
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
    import time

    for _ in range(120):
        batch = client.batches.retrieve(batch.id)
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            break
        time.sleep(0.5)
    assert batch.status == "completed" and batch.request_counts.completed == 1, batch
    answer = json.loads(client.files.content(batch.output_file_id).read())
    assert answer["custom_id"] == "a" and answer["response"]["status_code"] == 200
    assert batch.id in [one.id for one in client.batches.list(limit=1)]
    assert client.files.delete(file.id).deleted
    refused(openai.NotFoundError, lambda: client.files.retrieve(file.id))


@check
def scores_and_tokens():
    body = {"model": given.model, "input": messages[0]["content"], "choices": [" fact", " opinion"]}
    told = raw.post("/v1/score", json=body).json()["data"][0]
    assert len(told["choices"]) == 2 and told["best"] in (0, 1)
    ids = raw.post("/tokenize", json={"model": given.model, "prompt": "Schnee ☃ fällt"}).json()["tokens"]
    assert raw.post("/detokenize", json={"model": given.model, "tokens": ids}).json()["prompt"] == "Schnee ☃ fällt"


@check
def errors():
    """Rows of what the client does with an answer: bad input is never sent again, and every class has its status."""
    sent = []

    class Counting(httpx.HTTPTransport):
        def handle_request(self, request):
            sent.append(str(request.url))
            return super().handle_request(request)

    counted = client.with_options(http_client=httpx.Client(transport=Counting()))
    many = {**asked, "temperature": 3}
    error = refused(openai.BadRequestError, lambda: counted.chat.completions.create(**many), param="temperature")
    assert len(sent) == 1 and error.request_id.startswith("req_") and error.type == "invalid_request_error"
    long = [{"role": "user", "content": "snow " * 20_000}]
    refused(
        openai.BadRequestError,
        lambda: counted.chat.completions.create(**{**asked, "messages": long}),
        code="context_length_exceeded",
    )
    assert len(sent) == 2
    refused(openai.NotFoundError, lambda: client.get("/nothing", cast_to=object), code="unknown_url")
    refused(openai.APIStatusError, lambda: client.post("/chat/completions", body=None, cast_to=object))
    assert raw.post("/v1/chat/completions", content=b"{", headers={"content-type": "application/json"}).status_code == 400
    twice = {"headers": {"Idempotency-Key": "one"}}
    first = raw.post("/v1/chat/completions", json=asked, **twice).json()
    assert raw.post("/v1/chat/completions", json=asked, **twice).json() == first
    assert raw.post("/v1/chat/completions", json={**asked, "seed": 5}, **twice).status_code == 422
    client.chat.completions.create(**asked, extra_body={"nobody_knows": 1})
    refused(
        openai.BadRequestError,
        lambda: client.chat.completions.create(**asked, extra_body={"audio": {"voice": "a"}}),
        param="audio",
    )


@check
def what_lives():
    assert raw.get("/health").status_code == 200 and raw.get("/ready").status_code == 200
    assert "process_" in raw.get("/metrics").text or "zeroth" in raw.get("/metrics").text
    assert raw.get("/openapi.json").json()["openapi"].startswith("3.1")
    preflight = raw.options(
        "/v1/models", headers={"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "GET"}
    )
    assert "access-control-allow-origin" not in preflight.headers


failed = 0
for one in checks:
    try:
        note = one()
        print(f"ok      {one.__name__.replace('_', ' ')}{f' ({note})' if note else ''}", flush=True)
    except Exception:
        failed += 1
        print(f"failed  {one.__name__.replace('_', ' ')}", flush=True)
        traceback.print_exc()
print(f"{len(checks) - failed} of {len(checks)}; openai {openai.__version__}")
sys.exit(1 if failed else 0)
