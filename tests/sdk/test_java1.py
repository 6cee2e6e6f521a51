"""Version 1 of the AWS SDK for Java, used by the Kinesis Agent and KCL 1. Numbers in brackets: items of the conformance list."""

import pytest

import programs
import tour


@pytest.mark.parametrize("encoding", ["cbor", "json"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_tour(riacho, kinesis, name, tmp_path, scheme, encoding):
    """[19] [63] [81] CBOR by default. Without CBOR this SDK sends milliseconds instead of seconds, which AWS refuses too."""
    flags = programs.truststore(riacho, tmp_path) if scheme == "https" else []
    flags += ["-Dcom.amazonaws.sdk.disableCbor=true"] if encoding == "json" else []
    url = riacho.tls_url if scheme == "https" else riacho.url
    seen = programs.run([*programs.build_java("java1"), *flags, "riacho.Tour", url, name])
    tour.check(seen, kinesis, name)
    if encoding == "cbor":
        assert (seen["times"], seen["missing_from_first"], seen["after_last"]) == (None, 0, 0)
    else:
        assert seen["times"]["type"] == "InvalidArgumentException"
        assert seen["times"]["message"].startswith("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis.")
