"""Every operation of every model: routed, authenticated, validated, and answered in the envelope of its protocol."""

import base64
import datetime
import json
import socket

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import models
import pytest
import wire

EVERY = models.all_operations()
UPCOMING = [(model, operation) for model, operation in EVERY if operation not in model.bound]
PLAIN = [(model, operation) for model, operation in UPCOMING if not model.is_upload(operation)]
MEDIA = next(model for model in models.models() if "PutMedia" in model.operations)
NOT_YET = "{} is not supported yet by this server; docs/compatibility lists what is."


def named(cases):
    return pytest.mark.parametrize("model, operation", cases, ids=[f"{m.service}-{o}" for m, o in cases])


def as_json(value):
    return json.dumps(value, default=lambda blob: base64.b64encode(blob).decode())


def send(raw, model, operation, body, **headers):
    """A request under a signature that --auth=off accepts."""
    if not isinstance(body, (bytes, str)):
        body = as_json(body)
    if not model.is_rest:
        return raw.call(operation, body, target=f"{model.target_prefix}.{operation}", **headers)
    fields = {"X-Amz-Date": "20260101T000000Z", "Authorization": wire.AUTHORIZATION, "Content-Type": "application/json"} | headers
    return raw.request("POST", model.operations[operation]["path"], body, {k: v for k, v in fields.items() if v is not None})


def error_of(reply, model):
    """(code, text) of an error in the envelope of the protocol."""
    if not model.is_rest:
        assert reply.headers["Content-Type"] == wire.JSON
        body = dict(reply.json)
        code = body.pop("__type")
        assert "x-amzn-ErrorType" not in reply.headers
    else:
        assert reply.headers["Content-Type"] == "application/json"
        body, code = dict(reply.json), reply.headers["x-amzn-ErrorType"]
    assert reply.headers["x-amzn-RequestId"]
    assert body.keys() <= {"message"} or body.keys() <= {"Message"}, body
    return code, body


@named(PLAIN)
def test_a_valid_request_is_answered_with_not_yet(raw, model, operation):
    for whole in (False, True):
        reply = send(raw, model, operation, model.request(operation, whole))
        assert (reply.status, error_of(reply, model)) == (400, ("UnsupportedOperationException", {"message": NOT_YET.format(operation)}))


@named([(model, operation) for model, operation in EVERY if model.required(operation) and not model.is_upload(operation)])
def test_what_is_required_is_missed(raw, model, operation):
    missing = [f"Value{' null' if model.violations['values'] else ''} at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: "
               "Member must not be null" for name in model.required(operation)]
    text = f"{len(missing)} validation error{'s' if len(missing) > 1 else ''} detected: " + "; ".join(missing)
    reply = send(raw, model, operation, {})
    assert (reply.status, error_of(reply, model)) == (400, (model.violations["error"], {model.violations["key"]: text}))


@named([(model, operation) for model, operation in EVERY if not model.is_upload(operation)])
def test_every_member_has_its_type(raw, model, operation):
    shape = model.shapes[model.operations[operation]["input"]]
    for member, entry in shape["members"].items():
        kind = model.shapes[entry["shape"]]["type"]
        wrong = [] if kind != "list" else {}
        reply = send(raw, model, operation, {member: wrong})
        assert (reply.status, error_of(reply, model)[0]) == (400, "SerializationException"), member


@named([(model, operation) for model, operation in EVERY if not model.is_upload(operation)])
def test_every_bound_of_every_member_is_kept(raw, model, operation):
    """Texts and numbers of the first level, just outside of the model's bounds."""
    shape = model.shapes[model.operations[operation]["input"]]
    for member, entry in shape["members"].items():
        facts = model.shapes[entry["shape"]]
        wrong = None
        if "enum" in facts:
            wrong = "no such value"
        elif facts["type"] == "string" and facts.get("max", 1 << 20) < 1 << 20:
            wrong = "a" * (facts["max"] + 1)
        elif facts["type"] in ("integer", "long") and "min" in facts:
            wrong = facts["min"] - 1
        elif facts["type"] == "list" and facts.get("max", 1 << 20) < 1000:
            wrong = [model.value(facts["member"], False)] * (facts["max"] + 1)
        if wrong is None:
            continue
        reply = send(raw, model, operation, model.request(operation) | {member: wrong})
        code, body = error_of(reply, model)
        assert (reply.status, code) == (400, model.violations["error"]), (member, body)
        assert f"at '{member[0].lower()}{member[1:]}" in body[model.violations["key"]]


@pytest.mark.parametrize("model", models.models(), ids=lambda model: model.folder)
def test_the_sdk_reaches_every_operation(riacho, model):
    client = riacho.client(service=model.service)
    names = client.meta.method_to_api_mapping
    assert set(names.values()) | {"PutMedia"} >= set(model.operations)
    for method, operation in names.items():
        if operation in model.bound:
            continue
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(client, method)(**model.request(operation, whole=True))
        assert caught.value.response["Error"] == {"Code": "UnsupportedOperationException", "Message": NOT_YET.format(operation)}


def test_nothing_but_json_for_services_without_cbor(raw):
    for model in models.models():
        if model.service == "kinesis" or model.is_rest:
            continue
        operation = next(iter(model.operations))
        reply = raw.call("", {}, target=f"{model.target_prefix}.{operation}", content_type=wire.CBOR)
        assert (reply.status, reply.body) == (404, b"<UnknownOperationException/>\n")


def test_paths_are_exact_and_their_slash_may_be_doubled(raw):
    video = next(model for model in models.models() if model.service == "kinesisvideo")
    signed = {"X-Amz-Date": "20260101T000000Z", "Authorization": wire.AUTHORIZATION, "Content-Type": "application/json"}
    for path, body in (("//listStreams", b"{}"), ("/listStreams", b"")):
        assert "StreamInfoList" in raw.request("POST", path, body, signed).json
    for path in ("/ListStreams", "/listStreams/", "/liststreams", "/list", "/" + "x" * 5000):
        reply = raw.request("POST", path, b"{}", signed)
        assert (reply.status, reply.json) == (
            404, {"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"})
    # A target takes precedence over a path, as Data Streams accepts every path.
    assert raw.call("ListStreams", {}, path="/listStreams").json["StreamNames"] is not None
    assert send(raw, video, "ListStreams", "[]").headers["x-amzn-ErrorType"] == "SerializationException"
    assert send(raw, video, "ListStreams", "{").headers["x-amzn-ErrorType"] == "SerializationException"
    assert send(raw, video, "ListStreams", "{}", **{"Content-Encoding": "gzip"}).status == 415


def test_signatures_are_refused_in_the_envelope_of_the_protocol(raw):
    for model, operation in PLAIN:
        reply = send(raw, model, operation, model.request(operation), **({"authorization": None} if not model.is_rest else {"Authorization": None}))
        assert error_of(reply, model) == ("MissingAuthenticationTokenException", {"message": "Missing Authentication Token"})
        assert reply.status == (403 if model.is_rest else 400)


# What a request of PutMedia is answered with once its head is accepted: there is no such stream.
NO_STREAM = ("ResourceNotFoundException", {"Message": "The requested stream is not found or not active."})
PUT_MEDIA = {"x-amzn-stream-name": "cam1", "x-amzn-fragment-timecode-type": "ABSOLUTE",
             "x-amzn-producer-start-timestamp": "1785585601.12", "x-amzn-fragment-acknowledgment-required": "1"}


@pytest.mark.parametrize("changes", [{}, {"x-amzn-producer-start-timestamp": "0"}, {"x-amzn-producer-start-timestamp": "1785585601"},
                                     {"x-amzn-producer-start-timestamp": "Sun, 22 Nov 2026 00:00:00 GMT"},
                                     {"x-amzn-producer-start-timestamp": "2026-11-22T00:00:00.250Z"},
                                     {"x-amzn-fragment-acknowledgment-required": None}])
def test_put_media_takes_its_parameters_from_the_head(raw, changes):
    reply = send(raw, MEDIA, "PutMedia", b"", **(PUT_MEDIA | changes))
    assert (reply.status, error_of(reply, MEDIA)) == (404, NO_STREAM)


@pytest.mark.parametrize("changes, text", [
    ({"x-amzn-fragment-timecode-type": None}, "Value null at 'fragmentTimecodeType' failed to satisfy constraint: Member must not be null"),
    ({"x-amzn-fragment-timecode-type": "absolute"}, "Value 'absolute' at 'fragmentTimecodeType' failed to satisfy constraint: "
     "Member must satisfy enum value set: [ABSOLUTE, RELATIVE]"),
    ({"x-amzn-stream-name": "a b"}, "Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression "
     "pattern: [a-zA-Z0-9_.-]+"),
    ({"x-amzn-stream-name": "caf\u00e9"}, "Value '?' at 'streamName'"),
    ({"x-amzn-producer-start-timestamp": "yesterday"}, "can not be converted to milliseconds since epoch"),
    ({"x-amzn-producer-start-timestamp": "nan"}, "can not be converted to milliseconds since epoch"),
])
def test_put_media_judges_its_head(raw, changes, text):
    reply = send(raw, MEDIA, "PutMedia", b"", **(PUT_MEDIA | changes))
    code, body = error_of(reply, MEDIA)
    assert (reply.status, code) == (400, "InvalidArgumentException")
    assert text in body["Message"]


def test_an_upload_is_judged_before_its_first_byte(riacho):
    """The body is announced and never sent: the server must not wait for it."""
    with socket.create_connection((riacho.host, riacho.port), timeout=10) as connection:
        head = f"POST /putMedia HTTP/1.1\r\nHost: {riacho.host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        reply = b""
        while data := connection.recv(65536):
            reply += data
    assert reply.startswith(b"HTTP/1.1 403 ") and b"MissingAuthenticationTokenException" in reply


class Signer(botocore.auth.SigV4Auth):
    """With a payload hash chosen by the test, over exactly the given headers."""

    def __init__(self, credentials, payload):
        super().__init__(credentials, "kinesisvideo", "us-east-1")
        self.chosen = payload

    def payload(self, request):
        return self.chosen

    def headers_to_sign(self, request):
        chosen = super().headers_to_sign(request)
        for name in ("x-amz-content-sha256", "X-Amz-Content-SHA256"):
            while name in chosen:
                del chosen[name]
        return chosen


NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture(scope="module")
def guarded():
    from conftest import Riacho
    server = Riacho("--auth", "sigv4").start()
    server.key = server.user("add", "producer")
    yield server
    server.close()


def put_media_signed(server, payload, host=None, key=None, told=None):
    key = key or server.key
    credentials = botocore.credentials.Credentials(key["access_key_id"], key["secret_access_key"])
    request = botocore.awsrequest.AWSRequest("POST", f"http://{host or f'{server.host}:{server.port}'}/putMedia", headers=dict(PUT_MEDIA))
    Signer(credentials, payload).add_auth(request)
    headers = dict(request.headers) | ({"x-amz-content-sha256": told} if told else {})
    if host:
        headers["Host"] = f"{host}:{server.port}"
    return server.raw().request("POST", "/putMedia", b"", headers)


@pytest.mark.parametrize("payload, told", [(NOTHING, None), ("UNSIGNED-PAYLOAD", None), ("UNSIGNED-PAYLOAD", "UNSIGNED-PAYLOAD"),
                                           ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", None), ("ab" * 32, "ab" * 32)])
def test_put_media_may_sign_any_of_the_producers_payload_hashes(guarded, payload, told):
    reply = put_media_signed(guarded, payload, told=told)
    assert error_of(reply, MEDIA) == NO_STREAM, reply.body


def test_put_media_may_sign_the_bare_host(guarded):
    reply = put_media_signed(guarded, NOTHING, host="127.0.0.1")
    assert error_of(reply, MEDIA) == NO_STREAM, reply.body


def test_put_media_may_be_signed_in_the_query(guarded):
    """As a public Go client signs it."""
    credentials = botocore.credentials.Credentials(guarded.key["access_key_id"], guarded.key["secret_access_key"])
    request = botocore.awsrequest.AWSRequest("POST", f"http://{guarded.host}:{guarded.port}/putMedia", headers=dict(PUT_MEDIA))
    botocore.auth.SigV4QueryAuth(credentials, "kinesisvideo", "us-east-1", expires=60).add_auth(request)
    path = request.url[request.url.index("/putMedia"):]
    reply = guarded.raw().request("POST", path, b"", dict(PUT_MEDIA))
    assert error_of(reply, MEDIA) == NO_STREAM, reply.body
    changed = guarded.raw().request("POST", path, b"", PUT_MEDIA | {"x-amzn-stream-name": "another"})
    assert (changed.status, error_of(changed, MEDIA)[0]) == (403, "InvalidSignatureException")


def test_put_media_with_a_wrong_signature_is_refused(guarded):
    reply = put_media_signed(guarded, "cd" * 32)
    assert (reply.status, error_of(reply, MEDIA)[0]) == (403, "InvalidSignatureException")
    wrong = dict(guarded.key, secret_access_key="wrong")
    assert error_of(put_media_signed(guarded, NOTHING, key=wrong), MEDIA)[0] == "InvalidSignatureException"
    unknown = dict(guarded.key, access_key_id="AKIDUNKNOWN")
    assert error_of(put_media_signed(guarded, NOTHING, key=unknown), MEDIA)[0] == "UnrecognizedClientException"


@pytest.mark.parametrize("model", models.models(), ids=lambda model: model.folder)
def test_signatures_are_verified_for_every_service(guarded, model):
    operation = next(o for o in model.operations if not model.is_upload(o))
    request = model.request(operation)

    def call(**options):
        client = guarded.client(service=model.service, **options)
        method = next(m for m, o in client.meta.method_to_api_mapping.items() if o == operation)
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(client, method)(**request)
        return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]

    good = {"key": guarded.key["access_key_id"], "secret": guarded.key["secret_access_key"]}
    assert call(**good)[0] not in ("InvalidSignatureException", "UnrecognizedClientException")
    assert call(**(good | {"secret": "wrong"})) == ("InvalidSignatureException", 403 if model.is_rest else 400)


def test_a_key_of_one_service_is_none_of_another(guarded):
    """The credential scope must contain the service's own signing name."""
    video = next(model for model in models.models() if model.service == "kinesisvideo")
    credentials = botocore.credentials.Credentials(guarded.key["access_key_id"], guarded.key["secret_access_key"])
    request = botocore.awsrequest.AWSRequest("POST", guarded.url + "/listStreams", data=b"{}")
    botocore.auth.SigV4Auth(credentials, "kinesis", "us-east-1").add_auth(request)
    reply = guarded.raw().request("POST", "/listStreams", b"{}", dict(request.headers) | {"Host": f"{guarded.host}:{guarded.port}"})
    code, body = error_of(reply, video)
    assert (reply.status, code) == (403, "InvalidSignatureException")
    assert "Credential should be scoped to correct service: 'kinesisvideo'." in body["message"]
