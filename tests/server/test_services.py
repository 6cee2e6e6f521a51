"""--services: what an operator leaves out is refused with one sentence, and the others run."""

import botocore.exceptions
import pytest


def test_services_that_are_left_out_say_so(riacho_server):
    server = riacho_server("--services", "video")
    with pytest.raises(botocore.exceptions.ClientError, match="was told not to run; see --services"):
        server.client().list_streams()
    assert server.client(service="kinesisvideo").list_streams()["StreamInfoList"] == []
    server = riacho_server("--services", "data-streams, firehose")
    assert server.client().list_streams()["StreamNames"] == []
    with pytest.raises(botocore.exceptions.ClientError, match="ListStreams belongs to a service that this server was told not to run"):
        server.client(service="kinesisvideo").list_streams()


def test_data_endpoints_are_where_the_operator_says(riacho_server):
    client = riacho_server("--advertise-url", "https://video.example.org").client(service="kinesisvideo")
    client.create_stream(StreamName="s")
    assert client.get_data_endpoint(StreamName="s", APIName="PUT_MEDIA")["DataEndpoint"] == "https://video.example.org"
