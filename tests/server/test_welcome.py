"""The page that a browser shows at "/": for browsers alone, within the origin policy, and its commands work."""

import http.client
import json
import os
import shutil
import subprocess
import sys

import pytest
import wire
from conftest import ROOT

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


def ask(server, method="GET", path="/", **headers):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read().decode(errors="replace")
    finally:
        connection.close()


@pytest.mark.parametrize("languages,path,tag,heading", [
    ("en-US,en;q=0.9,pt;q=0.8", "/", "en", "riacho is running"), ("pt-BR,pt;q=0.9,en;q=0.8", "/", "pt-BR", "O riacho está no ar"),
    ("pt-BR", "/?lang=en", "en", "riacho is running"), ("en", "/?lang=pt", "pt-BR", "O riacho está no ar")])
def test_a_browser_is_told_what_this_is(riacho, languages, path, tag, heading):
    status, headers, text = ask(riacho, path=path, Accept=CHROME, Accept_Language=languages)
    assert status == 200 and headers["content-type"] == "text/html; charset=utf-8" and headers["content-language"] == tag
    assert heading in text and f'lang="{tag}"' in text and f"aws --endpoint-url {riacho.url} kinesis" in text
    assert "<script" not in text and "$" not in text and "default-src 'none'" in headers["content-security-policy"]
    head = ask(riacho, "HEAD", path, Accept=CHROME, Accept_Language=languages)
    assert head[0] == 200 and head[1]["content-length"] == headers["content-length"] and head[2] == ""


def test_programs_see_no_page(riacho):
    """What has no `text/html`, or anything of AWS in it, goes to the gateway as before."""
    plain = ask(riacho)
    assert plain[0] >= 400 and "<html" not in plain[2]
    for headers in ({"Accept": "*/*"}, {"Accept": "application/json"}, {"Accept": CHROME, "Authorization": wire.AUTHORIZATION},
                    {"Accept": CHROME, "X-Amz-Date": "20260101T000000Z"}, {"Accept": CHROME, "x-amz-target": "Kinesis_20131202.ListStreams"}):
        assert "<html" not in ask(riacho, **headers)[2], headers
    for method, path in (("GET", "/?X-Amz-Signature=ab"), ("GET", "/?list-type=2"), ("GET", "/x"), ("POST", "/"), ("PUT", "/"), ("OPTIONS", "/")):
        assert "<html" not in ask(riacho, method, path, Accept=CHROME)[2], (method, path)


def test_the_page_is_shown_within_the_origin_policy(riacho):
    assert ask(riacho, Accept=CHROME, Host="evil.example")[0] == 403
    assert ask(riacho, Accept=CHROME, Origin="https://evil.example")[0] == 403
    assert ask(riacho, Accept=CHROME, Host=f"localhost:{riacho.port}")[2].count(f"http://localhost:{riacho.port}") >= 3
    # A host without a dot is trusted, whatever stands in it; it does not get into the page.
    for host in ("<b>x", "$(reboot)", "a'b", 'a"b'):
        status, _, text = ask(riacho, Accept=CHROME, Host=host)
        assert status == 403 or (host not in text and "http://127.0.0.1:4566" in text)


def test_a_server_that_verifies_signatures_says_how_to_get_keys(riacho_server):
    server = riacho_server("--auth", "sigv4", "--region", "sa-east-1")
    text = ask(server, Accept=CHROME)[2]
    assert "riacho user add" in text and "AWS_DEFAULT_REGION=sa-east-1" in text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
@pytest.mark.parametrize("locale,lang,heading", [("en-US", "en", "riacho is running"), ("pt-BR", "pt-BR", "O riacho está no ar")])
def test_a_real_browser_shows_it_and_its_commands_work(riacho_server, locale, lang, heading):
    server = riacho_server()
    done = subprocess.run(["node", "page.mjs"], cwd=ROOT / "tests" / "js", env=os.environ | {"RIACHO_URL": f"{server.url}/", "RIACHO_LOCALE": locale},
                          capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert (seen["status"], seen["lang"], seen["heading"], seen["complaints"]) == (200, lang, heading, [])
    assert not seen["wide"] and seen["margin"] != "none", "the style applies"
    assert [url for url in seen["requests"] if not url.startswith("data:")] == [f"{server.url}/", f"{server.url}/?lang={'en' if lang == 'pt-BR' else 'pt'}"]
    assert seen["other"] != lang
    shell, python = seen["commands"]
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {"PATH": path}
    listed = subprocess.run(["bash", "-euc", shell], env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert listed.returncode == 0 and json.loads(listed.stdout)["StreamNames"] == ["vendedores"], listed.stdout + listed.stderr
    printed = subprocess.run([sys.executable, "-c", python], env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert printed.stdout == "['vendedores']\n", printed.stderr
