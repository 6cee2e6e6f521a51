"""Authentication. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import dataclasses
import datetime
import hashlib
import hmac
import json
import re
import subprocess
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
import wire
from conftest import BINARY, Riacho, iterator, wait_active

ALICE = "111111111111"
BOB = "222222222222"
USAGE = 64
MISMATCH = ("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing "
            "method. Consult the service documentation for details.")
UNKNOWN = {"__type": "UnrecognizedClientException", "message": "The security token included in the request is invalid."}


@pytest.fixture(scope="module")
def guarded():
    """A server that checks signatures."""
    server = Riacho("--auth", "sigv4").start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def alice(guarded):
    return guarded.user("add", "alice", "--account", ALICE)


def client_of(server, user, **options):
    return server.client(key=user["access_key_id"], secret=user["secret_access_key"], **options)


def refusal(client):
    """The error that refused the client's ListStreams."""
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        client.list_streams()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def iso_basic(minutes=0):
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M%SZ")


def sha256(body):
    return hashlib.sha256(body).hexdigest()


@dataclasses.dataclass
class Signed:
    """A ListStreams with a signature made here; changes after sign() are not covered by the signature."""

    server: Riacho
    user: dict
    date: str = dataclasses.field(default_factory=iso_basic)
    scope_date: str | None = None
    region: str = "us-east-1"
    service: str = "kinesis"
    terminator: str = "aws4_request"
    body: bytes = b'{"Limit":5}'
    path: str = "/"
    query: str = ""
    authority: str = "host"
    extra: dict = dataclasses.field(default_factory=dict)
    unsigned: tuple = ()

    def scope(self):
        return f"{self.scope_date or self.date[:8]}/{self.region}/{self.service}/{self.terminator}"

    def signature(self, headers):
        lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
        query = "&".join(sorted(self.query.split("&"))) if self.query else ""
        canonical = f"POST\n{self.path}\n{query}\n{lines}\n{';'.join(sorted(headers))}\n{sha256(self.body)}"
        to_sign = f"AWS4-HMAC-SHA256\n{self.date}\n{self.scope()}\n{sha256(canonical.encode())}"
        key = b"AWS4" + self.user["secret_access_key"].encode()
        for part in (*self.scope().split("/"), to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        return key.hex()

    def sign(self):
        host = f"{self.server.host}:{self.server.port}"
        self.headers = {"content-type": wire.JSON, "x-amz-date": self.date, "x-amz-target": "Kinesis_20131202.ListStreams"} | self.extra
        signed = {self.authority: host} | {name: value for name, value in self.headers.items() if name not in self.unsigned}
        self.headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.user['access_key_id']}/{self.scope()}, "
                                         f"SignedHeaders={';'.join(sorted(signed))}, Signature={self.signature(signed)}")
        return self

    def send(self):
        connection = self.server.raw()
        try:
            return connection.request("POST", self.path + ("?" + self.query if self.query else ""), self.body, self.headers)
        finally:
            connection.close()

    def error(self):
        reply = self.send()
        assert reply.status == 400, reply.body
        return reply.json["__type"], reply.json["message"]


def test_signed_calls_work(guarded, alice):
    """[14] Names, bodies of every size, all headers that boto3 sends."""
    client = client_of(guarded, alice)
    client.create_stream(StreamName="signed", ShardCount=1)
    wait_active(client, "signed")
    for size in (0, 1, 1000, 1_000_000):
        client.put_record(StreamName="signed", Data=bytes(size), PartitionKey="日本 key")
    records = client.get_records(ShardIterator=iterator(client, "signed"))["Records"]
    assert [len(record["Data"]) for record in records] == [0, 1, 1000, 1_000_000]
    client.delete_stream(StreamName="signed")


def test_a_signature_of_our_own_works(guarded, alice):
    """[14] Also with the header name that JavaScript signs, a query, headers with spaces, another path."""
    for variation in ({}, {"authority": ":authority"}, {"query": "b=2&a=1"}, {"path": "/some/where"},
                      {"extra": {"x-amz-meta": "  two   words  "}}, {"extra": {"x-amz-content-sha256": sha256(b'{"Limit":5}')}},
                      {"extra": {"user-agent": "x"}, "unsigned": ("user-agent", "content-type")}):
        reply = Signed(guarded, alice, **variation).sign().send()
        assert reply.status == 200, f"{variation}: {reply.body}"


@pytest.mark.parametrize("authority", ["host", ":authority"])
def test_a_signature_over_http2(guarded, alice, authority):
    """[14] The authority by either name; the signature of another authority is refused."""
    def send(request):
        headers = [part for name, value in request.headers.items() for part in ("--header", f"{name}: {value}")]
        done = subprocess.run(["curl", "--silent", "--http2-prior-knowledge", *headers, "--data-binary", request.body.decode(), guarded.url],
                              capture_output=True, check=True)
        return json.loads(done.stdout)

    assert "StreamNames" in send(Signed(guarded, alice, authority=authority).sign())
    request = Signed(guarded, alice, authority=authority).sign()
    request.headers["host"] = "elsewhere"
    assert send(request)["__type"] == "InvalidSignatureException"


def test_a_wrong_secret_or_key(guarded, alice):
    """[14] [16]"""
    code, message = refusal(guarded.client(key=alice["access_key_id"], secret="wrong"))
    assert code == "InvalidSignatureException" and message.startswith(MISMATCH)
    unknown = ("UnrecognizedClientException", "The security token included in the request is invalid.")
    assert refusal(guarded.client(key="AKIAUNKNOWN", secret=alice["secret_access_key"])) == unknown
    assert refusal(guarded.client(key=alice["access_key_id"].lower(), secret=alice["secret_access_key"])) == unknown
    assert alice["secret_access_key"] not in guarded.log.read_text()


def test_one_changed_byte_anywhere(guarded, alice):
    """[14]"""
    def fresh():
        return Signed(guarded, alice).sign()

    changed = []
    for at in range(len(fresh().body)):
        request = fresh()
        request.body = request.body[:at] + bytes([request.body[at] ^ 2]) + request.body[at + 1:]
        if re.fullmatch(rb'\{"\w+":\d\}', request.body):  # an unparsable body is refused before the signature
            changed.append(request)
    assert len(changed) >= 5
    for name, value in [("content-type", wire.JSON + ";"), ("x-amz-target", "Kinesis_20131202.DescribeLimits"), ("Host", "elsewhere"),
                        ("x-amz-date", iso_basic(1 / 30))]:
        request = fresh()
        request.headers[name] = value
        changed.append(request)
    for name, value in [("path", "/other"), ("query", "a=b")]:
        request = fresh()
        setattr(request, name, value)
        changed.append(request)
    for change in (lambda s: f"{int(s[0], 16) ^ 1:x}" + s[1:], lambda s: s[:-1] + f"{int(s[-1], 16) ^ 8:x}", lambda s: "0",
                   lambda s: s[:-1], lambda s: s + "00", lambda s: "x" * 64):
        request = fresh()
        header = request.headers["authorization"]
        request.headers["authorization"] = header[:-64] + change(header[-64:])
        changed.append(request)
    for request in changed:
        code, message = request.error()
        assert code == "InvalidSignatureException" and message.startswith(MISMATCH), vars(request)


def test_what_has_to_be_signed(guarded, alice):
    """[14] The host, and every x-amz- header there is."""
    code, message = Signed(guarded, alice, authority="content-type").sign().error()
    assert code == "InvalidSignatureException"
    assert message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    code, message = Signed(guarded, alice, unsigned=("x-amz-target",)).sign().error()
    assert code == "InvalidSignatureException" and "x-amz-target" in message
    request = Signed(guarded, alice).sign()
    request.headers["x-amz-added"] = "later"
    assert request.error()[0] == "InvalidSignatureException"
    lie = Signed(guarded, alice, extra={"x-amz-content-sha256": sha256(b"another body")}).sign()
    assert lie.error()[0] == "InvalidSignatureException"
    for value in ("UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        assert Signed(guarded, alice, extra={"x-amz-content-sha256": value}).sign().error()[0] == "InvalidSignatureException"


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_may_be_off_by_four_minutes(guarded, alice, minutes):
    """[15]"""
    assert Signed(guarded, alice, date=iso_basic(minutes)).sign().send().status == 200


@pytest.mark.parametrize("minutes, form", [
    (-6, r"Signature expired: {0} is now earlier than (\d{{8}}T\d{{6}}Z) \((\d{{8}}T\d{{6}}Z) - 5 min[.]\)"),
    (6, r"Signature not yet current: {0} is still later than (\d{{8}}T\d{{6}}Z) \((\d{{8}}T\d{{6}}Z) [+] 5 min[.]\)")])
def test_a_clock_may_not_be_off_by_six_minutes(guarded, alice, minutes, form):
    """[15]"""
    date = iso_basic(minutes)
    code, message = Signed(guarded, alice, date=date).sign().error()
    assert code == "InvalidSignatureException"
    match = re.fullmatch(form.format(date), message)
    assert match, message
    bound, now = (datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ") for text in match.groups())
    assert abs(now - bound) == datetime.timedelta(minutes=5)


def test_the_scope_must_fit(guarded, alice):
    """[14]"""
    yesterday = iso_basic(-24 * 60)[:8]
    for variation, text in [({"service": "s3"}, "Credential should be scoped to correct service: 'kinesis'. "),
                            ({"terminator": "aws5_request"},
                             "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. "),
                            ({"scope_date": yesterday}, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
                                                        f"HTTP: '{yesterday}' != ")]:
        code, message = Signed(guarded, alice, **variation).sign().error()
        assert code == "InvalidSignatureException" and message.startswith(text)
    code, message = Signed(guarded, alice, region="a/b").sign().error()
    assert code == "IncompleteSignatureException" and message.startswith("Credential must have exactly 5 slash-delimited elements")
    code, message = Signed(guarded, alice, date="yesterday").sign().error()
    assert code == "IncompleteSignatureException" and "Got 'yesterday'" in message
    assert Signed(guarded, alice, region="eu-central-1").sign().send().status == 200


def test_no_signature_at_all(guarded):
    """[12]"""
    raw = guarded.raw()
    assert raw.call("ListStreams", {}, authorization=None).json == {
        "__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"}
    assert raw.call("ListStreams", {}, authorization="a").json["__type"] == "IncompleteSignatureException"
    assert raw.call("ListStreams", {}).status == 400
    assert raw.request("GET", "/health").status == 200


class QueryAuth(botocore.auth.SigV4QueryAuth):
    """botocore would move a body into the query; this class signs it in place."""

    def __init__(self, body, *arguments, **options):
        super().__init__(*arguments, **options)
        self.body = body

    def payload(self, request):
        return sha256(self.body)


def presigned(server, user, body=b"{}", expires=60, token=None):
    credentials = botocore.credentials.Credentials(user["access_key_id"], user["secret_access_key"], token)
    headers = {"Content-Type": wire.JSON, "X-Amz-Target": "Kinesis_20131202.ListStreams"}
    request = botocore.awsrequest.AWSRequest("POST", server.url + "/", headers=headers)
    QueryAuth(body, credentials, "kinesis", "us-east-1", expires=expires).add_auth(request)
    parts = urllib.parse.urlsplit(request.url)
    return f"{parts.path}?{parts.query}", headers


def test_a_presigned_call(guarded, alice):
    """[13] [14] [15]"""
    def send(path, headers, body=b"{}"):
        reply = guarded.raw().request("POST", path, body, headers)
        return reply.status, reply.json.get("__type")

    path, headers = presigned(guarded, alice)
    assert "X-Amz-Signature=" in path
    assert send(path, headers) == (200, None)
    wrong = (400, "InvalidSignatureException")
    assert send(path, headers, b'{"Limit":5}') == wrong
    assert send(path + "&a=b", headers) == wrong
    assert send(path.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), headers) == wrong
    assert send(path, headers | {"X-Amz-Target": "Kinesis_20131202.DescribeLimits"}) == wrong
    assert send(path, headers | {"Authorization": wire.AUTHORIZATION}) == wrong
    assert send(path.replace("X-Amz-Date=2", "X-Amz-Date=1"), headers) == wrong
    stranger = alice | {"access_key_id": "AKIASTRANGER"}
    assert send(*presigned(guarded, stranger)) == (400, "UnrecognizedClientException")
    assert send(*presigned(guarded, alice, expires=604_801)) == (400, "IncompleteSignatureException")


def test_a_presigned_call_ends(riacho_server):
    """[15] A presigned request expires after its own time, not after five minutes."""
    server = riacho_server("--auth", "sigv4", "--test-clock")
    user = server.user("add", "u", "--account", ALICE)
    short, headers = presigned(server, user, expires=30)
    long, _ = presigned(server, user, expires=3600)
    server.advance_clock(40)
    reply = server.raw().request("POST", short, b"{}", headers)
    assert (reply.status, reply.json["__type"]) == (400, "InvalidSignatureException") and reply.json["message"].startswith("Signature expired")
    server.advance_clock(1800)
    assert server.raw().request("POST", long, b"{}", headers).status == 200
    server.advance_clock(1800)
    assert server.raw().request("POST", long, b"{}", headers).status == 400


def test_a_session_token_belongs_to_its_key(guarded, alice):
    """[16] Keys of users have no session token, so every token is refused."""
    assert refusal(client_of(guarded, alice, token="a token"))[0] == "UnrecognizedClientException"
    reply = Signed(guarded, alice, extra={"x-amz-security-token": "a token"}).sign().send()
    assert reply.json == UNKNOWN
    path, headers = presigned(guarded, alice, token="a token")
    assert guarded.raw().request("POST", path, b"{}", headers).json == UNKNOWN


def test_rotating_and_removing(guarded):
    first = guarded.user("add", "rotated", "--account", BOB)
    assert first["user"] == "rotated" and first["account"] == BOB
    old = client_of(guarded, first)
    old.list_streams()
    second = guarded.user("rotate", "rotated")
    assert second["account"] == BOB
    assert second["access_key_id"] != first["access_key_id"] and second["secret_access_key"] != first["secret_access_key"]
    assert refusal(old)[0] == "UnrecognizedClientException"
    client_of(guarded, second).list_streams()
    mixed = second | {"secret_access_key": first["secret_access_key"]}
    assert refusal(client_of(guarded, mixed))[0] == "InvalidSignatureException"
    listed = [entry for entry in guarded.user("list") if entry["user"] == "rotated"]
    assert listed == [{"user": "rotated", "account": BOB, "access_key_id": second["access_key_id"]}]
    guarded.user("remove", "rotated")
    assert refusal(client_of(guarded, second))[0] == "UnrecognizedClientException"
    assert "rotated" not in [entry["user"] for entry in guarded.user("list")]


@pytest.mark.parametrize("arguments, text", [
    (["rotate", "nobody"], "there is no user of that name"), (["remove", "nobody"], "there is no user of that name"),
    (["add", "alice", "--account", ALICE], "there is a user of that name"), (["add", "a b"], "a user name is"),
    (["add", "x", "--account", "123"], "an account id has 12 digits")])
def test_user_calls_that_fail(guarded, alice, arguments, text):
    done = subprocess.run([BINARY, "user", *arguments, "--data-dir", str(guarded.data_dir)], capture_output=True, text=True)
    assert done.returncode == 1 and text in done.stderr


def test_users_survive_a_restart_and_can_be_made_without_a_server(riacho_server):
    server = riacho_server("--auth", "sigv4")
    server.stop()  # the first start has created the data directory: `riacho user` never creates one
    offline = server.user("add", "offline", "--account", ALICE)
    server.start()
    online = server.user("add", "online", "--account", ALICE)
    for user in (offline, online):
        client_of(server, user).list_streams()
    server.kill()
    rotated = server.user("rotate", "online")
    server.start()
    client_of(server, offline).list_streams()
    client_of(server, rotated).list_streams()
    assert refusal(client_of(server, online))[0] == "UnrecognizedClientException"
    kept = b"".join(path.read_bytes() for path in server.data_dir.rglob("*") if path.is_file())
    for user in (offline, rotated):
        assert user["access_key_id"].encode() in kept
        assert user["secret_access_key"].encode() not in kept


def test_accounts_do_not_see_each_other(guarded, alice):
    """[90]"""
    bob = guarded.user("add", "bob", "--account", BOB)
    clients = client_of(guarded, alice), client_of(guarded, bob)
    for client in clients:
        client.create_stream(StreamName="shared-name", ShardCount=1)
        wait_active(client, "shared-name")
        client.put_record(StreamName="shared-name", Data=b"mine", PartitionKey="k")
        assert len(client.get_records(ShardIterator=iterator(client, "shared-name"))["Records"]) == 1
    clients[0].create_stream(StreamName="only-alice", ShardCount=1)
    wait_active(clients[0], "only-alice")
    arns = [client.describe_stream_summary(StreamName="shared-name")["StreamDescriptionSummary"]["StreamARN"] for client in clients]
    assert arns == [f"arn:aws:kinesis:us-east-1:{account}:stream/shared-name" for account in (ALICE, BOB)]
    assert clients[1].list_streams()["StreamNames"] == ["shared-name"]
    assert clients[0].list_streams()["StreamNames"] == ["only-alice", "shared-name"]
    with pytest.raises(clients[1].exceptions.ResourceNotFoundException, match=f"Stream only-alice under account {BOB} not found"):
        clients[1].describe_stream(StreamName="only-alice")
    foreign = iterator(clients[0], "shared-name")
    with pytest.raises(clients[1].exceptions.ResourceNotFoundException):
        clients[1].get_records(ShardIterator=foreign)
    with pytest.raises(botocore.exceptions.ClientError):
        clients[1].put_record(StreamARN=arns[0], Data=b"x", PartitionKey="k")
    with pytest.raises(botocore.exceptions.ClientError):
        clients[1].delete_stream(StreamARN=arns[0])
    assert client_of(guarded, alice, region="eu-west-1").list_streams()["StreamNames"] == []


def test_without_checking_anyone_is_the_one_account(riacho):
    """Any key, any secret, any time: only the region of the credential scope is used."""
    for key, secret in (("a", "b"), ("AKIDEXAMPLE", "x" * 40)):
        client = riacho.client(key=key, secret=secret, token="t", region="ap-south-1")
        client.list_streams()
    assert riacho.raw().call("ListStreams", {}, **{"X-Amz-Date": "19990101T000000Z"}).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "192.0.2.1", "[::]"])
def test_open_doors_need_a_lock_or_a_word(host, tmp_path):
    """A non-loopback address is refused without signatures, unless --insecure confirms it."""
    listen = ["--listen", f"{host}:0", "--data-dir", str(tmp_path / "data")]
    refused = subprocess.run([BINARY, "serve", *listen], capture_output=True, text=True, timeout=20)
    assert refused.returncode == USAGE
    assert "--auth=sigv4" in refused.stderr and "--insecure" in refused.stderr
    assert not (tmp_path / "data").exists()
    assert subprocess.run([BINARY, "serve", *listen, "--auth", "off"], capture_output=True, timeout=20).returncode == USAGE
    for allowed in (["--auth", "sigv4"], ["--insecure"]):
        assert subprocess.run([BINARY, "config", *listen, *allowed], capture_output=True, timeout=20).returncode == 0


def test_who_a_caller_is(riacho, guarded, alice):
    """GetCallerIdentity of STS, which older Producer Libraries and Terraform call: data-streams specification 6.2."""
    anyone = riacho.client(service="sts").get_caller_identity()
    assert (anyone["Account"], anyone["Arn"]) == ("000000000000", "arn:aws:iam::000000000000:root")
    for url in (guarded.url, guarded.tls_url):
        verify = {"verify": guarded.certificate} if url == guarded.tls_url else {}
        known = client_of(guarded, alice, service="sts", endpoint_url=url, **verify).get_caller_identity()
        assert (known["Account"], known["Arn"], known["UserId"]) == (ALICE, f"arn:aws:iam::{ALICE}:user/alice", "alice")
    for user, code in ((alice | {"secret_access_key": "wrong"}, "InvalidSignatureException"),
                       (alice | {"access_key_id": "AKIASTRANGER"}, "UnrecognizedClientException")):
        with pytest.raises(botocore.exceptions.ClientError) as raised:
            client_of(guarded, user, service="sts").get_caller_identity()
        assert raised.value.response["Error"]["Code"] == code
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Amz-Date": iso_basic()}
    body = b"Version=2011-06-15&Action=GetCallerIdentity"
    reply = riacho.raw().request("POST", "/", body, headers | {"Authorization": "<a>&"})
    assert reply.status == 403 and b"Authorization=&lt;a&gt;&amp;</Message>" in reply.body
    for other in (b"Action=GetSessionToken", b"Action=GetCallerIdentityX", b"XAction=GetCallerIdentity"):
        assert riacho.raw().request("POST", "/", other, headers).status == 403


def test_administration_needs_its_token(guarded, alice):
    raw = guarded.raw()
    body = b"name=mallory\naccount=111111111111\n"
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer " + "0" * 64}, {"Authorization": wire.AUTHORIZATION}):
        reply = raw.request("POST", "/_riacho/users/add", body, headers)
        assert reply.status in (401, 403), reply.body
    assert "mallory" not in json.dumps(guarded.user("list"))
    for path in guarded.data_dir.rglob("admin.json"):
        assert path.stat().st_mode & 0o077 == 0
