"""PutMedia: acknowledgements, the rules for media, and what is stored. Numbers are items of the specification's conformance
list (section 10)."""

import http.client
import threading
import time

import matroska as mkv
import pytest
from video_client import Video, put_media


def kinds(acks):
    return [ack["EventType"] for ack in acks]


def persisted(acks):
    return [ack["FragmentNumber"] for ack in acks if ack["EventType"] == "PERSISTED"]


def error_of(acks):
    """The ERROR, which is the last object (52)."""
    assert acks and acks[-1]["EventType"] == "ERROR", acks
    assert "ERROR" not in kinds(acks[:-1])
    return acks[-1]["ErrorId"], acks[-1]["ErrorCode"]


def test_fragments_are_acknowledged_in_order_and_listed(video, name):  # 33, 34, 35, 38, 42, 72, 73
    video.create(name)
    start = 1_700_000_000
    acks = video.send(name, [mkv.header(), *(mkv.fragment(t, seed=t) for t in (0, 400, 800))], start=start)
    for timecode in (0, 400, 800):
        mine = [ack for ack in acks if ack["FragmentTimecode"] == timecode]
        assert kinds(mine) == ["BUFFERING", "RECEIVED", "PERSISTED"]
        assert len({ack["FragmentNumber"] for ack in mine}) == 1 and len(mine[0]["FragmentNumber"]) == 47
    numbers = persisted(acks)
    assert numbers == sorted(numbers)
    listed = video.fragments(name)
    assert [f["FragmentNumber"] for f in listed] == numbers
    assert [f["ProducerTimestamp"].timestamp() for f in listed] == pytest.approx([start, start + .4, start + .8])
    for fragment in listed:
        embedded = int(fragment["FragmentNumber"]) >> 28 & (1 << 64) - 1
        assert fragment["ServerTimestamp"].timestamp() == pytest.approx(embedded / 1000)
        assert fragment["FragmentLengthInMilliseconds"] == 300
        assert fragment["FragmentSizeInBytes"] == len(mkv.header()) + len(mkv.fragment(0))


def test_lists_are_inclusive_compare_starts_and_page(video, name):  # 72
    video.create(name)
    start = 1_700_000_000
    video.send(name, [mkv.header(), *(mkv.fragment(t, seed=t) for t in range(0, 4000, 400))], start=start)
    everything = video.fragments(name, "PRODUCER_TIMESTAMP", MaxResults=3)
    assert len(everything) == 10 and len({f["FragmentNumber"] for f in everything}) == 10
    some = video.fragments(name, "PRODUCER_TIMESTAMP", start + .4, start + 1.2)
    assert [f["ProducerTimestamp"].timestamp() for f in some] == pytest.approx([start + .4, start + .8, start + 1.2])
    assert video.fragments(name, "PRODUCER_TIMESTAMP", start + .5, start + .7) == []
    by_server = sorted(f["ServerTimestamp"].timestamp() for f in everything)
    assert len(video.fragments(name, "SERVER_TIMESTAMP", by_server[0], by_server[-1])) == 10
    assert video.fragments(name, "SERVER_TIMESTAMP", by_server[-1] + 1) == []


def test_a_tag_ends_a_fragment_while_the_call_goes_on(video, name):  # 36
    video.create(name)
    upload = video.upload(name)
    upload.send(mkv.header() + mkv.fragment(0, known=False) + mkv.end_of_fragment())
    acks = upload.acknowledgements()
    assert kinds([next(acks) for _ in range(3)]) == ["BUFFERING", "RECEIVED", "PERSISTED"]
    upload.send(mkv.fragment(400, known=False))
    assert next(acks)["EventType"] == "BUFFERING"  # before the fragment is complete (35)
    upload.finish()
    assert kinds(acks) == ["RECEIVED", "PERSISTED"]
    upload.close()


@pytest.mark.parametrize("pieces, fault", [
    ([mkv.header(*(mkv.track(n, 1, "V_X") for n in (1, 2, 3, 4))), mkv.fragment(0)], (4012, "MORE_THAN_ALLOWED_TRACKS_FOUND")),  # 45
    ([mkv.header(), mkv.fragment(0, tracks=(1, 2)), mkv.fragment(400)], (4010, "TRACK_NUMBER_MISMATCH")),  # 46
    ([mkv.header(mkv.VIDEO, mkv.AUDIO), mkv.fragment(0), mkv.fragment(400)], (4011, "FRAMES_MISSING_FOR_TRACK")),  # 46
    ([mkv.header(), mkv.fragment(0, step=20_001, frames=2)], (4002, "MAX_FRAGMENT_DURATION_REACHED")),  # 48
    ([b"no matroska at all, not even the first byte of it"], (4006, "INVALID_MKV_DATA")),  # 49
    ([mkv.header()], (4006, "INVALID_MKV_DATA")),  # 49
    ([mkv.header() + mkv.CLUSTER + mkv.UNKNOWN + mkv.unsigned(b"\xe7", 0) + b"\xa3\x01" + b"\xff" * 6 + b"\xfe"], (4006, "INVALID_MKV_DATA")),
    ([mkv.header(), mkv.fragment(0), mkv.header()], (4006, "INVALID_MKV_DATA")),  # 50
    ([mkv.header(), mkv.fragment(0), mkv.tags(*((f"n{i}", "v") for i in range(11)))], (4009, "FRAGMENT_METADATA_LIMIT_REACHED")),  # 51
    ([mkv.header(), mkv.fragment(0), mkv.tags(("n" * 129, "v"))], (4009, "FRAGMENT_METADATA_LIMIT_REACHED")),
    ([mkv.header(), mkv.fragment(0), mkv.tags(("AWS_KINESISVIDEO_FRAGMENT_NUMBER", "1"))], (4009, "FRAGMENT_METADATA_LIMIT_REACHED")),
])
def test_what_breaks_the_rules_ends_with_an_error(video, name, pieces, fault):
    video.create(name)
    assert error_of(video.send(name, pieces)) == fault


def test_what_came_before_an_error_stands(video, name):  # 47, 52
    video.create(name)
    acks = video.send(name, [mkv.header(), mkv.fragment(400), mkv.fragment(0)])
    assert error_of(acks) == (4004, "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS")
    assert [f["FragmentNumber"] for f in video.fragments(name)] == persisted(acks) != []


def test_a_fragment_larger_than_a_record_is_stored_in_parts(video, name):
    video.create(name)
    big = mkv.fragment(0, frames=40, step=10, size=100_000)  # 4 MB
    acks = video.send(name, [mkv.header(), big, mkv.fragment(500)])
    assert kinds(acks).count("PERSISTED") == 2
    assert [f["FragmentSizeInBytes"] for f in video.fragments(name)] == [len(mkv.header()) + len(f) for f in (big, mkv.fragment(500))]


def test_a_fragment_that_never_ends_is_cut_off_at_50_mb(video, name):  # 48
    video.create(name)
    endless = (mkv.block(1, 0, bytes(1_000_000), True) for _ in range(60))
    acks = video.send(name, (piece for part in ([mkv.header() + mkv.CLUSTER + mkv.UNKNOWN + mkv.unsigned(b"\xe7", 0)], endless) for piece in part))
    assert error_of(acks) == (4001, "MAX_FRAGMENT_SIZE_REACHED")
    assert acks[-1]["FragmentNumber"] == acks[0]["FragmentNumber"]
    assert video.fragments(name) == []


def test_a_camera_that_only_fills_the_disk_is_not_let_in_for_a_while(video, name):
    video.create(name)
    for _ in range(2):  # each leaves 50 MB
        endless = (mkv.block(1, 0, bytes(1_000_000), True) for _ in range(60))
        acks = video.send(name, (piece for part in ([mkv.header() + mkv.CLUSTER + mkv.UNKNOWN + mkv.unsigned(b"\xe7", 0)], endless) for piece in part))
        assert error_of(acks)[0] == 4001
    with pytest.raises(RuntimeError, match="ClientLimitExceededException"):
        video.upload(name)


def test_without_retention_nothing_is_persisted(video, name):  # 33
    video.create(name, 0)
    acks = video.send(name, [mkv.header(), mkv.fragment(0), mkv.fragment(400)])
    assert kinds(acks).count("RECEIVED") == 2 and kinds(acks).count("PERSISTED") == 0
    selector = {"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": {"StartTimestamp": 0, "EndTimestamp": 4_000_000_000}}
    assert video.archive.list_fragments(StreamName=name, FragmentSelector=selector)["Fragments"] == []


def head(video, name=None, **headers):
    """The status and error of a PutMedia whose body is empty."""
    fields = {"x-amzn-fragment-timecode-type": "ABSOLUTE", "x-amzn-producer-start-timestamp": "0"} | {
        key.replace("_", "-"): value for key, value in headers.items()}
    if name is not None:
        fields["x-amzn-stream-name"] = name
    connection = http.client.HTTPConnection(video.server.host, video.server.port, timeout=10)
    connection.request("POST", "/putMedia", b"", video.producer.signed(video.server.url, "/putMedia", fields, put_media.EMPTY_HASH))
    response = connection.getresponse()
    return response.status, response.headers.get("x-amzn-ErrorType"), response.read()


def test_the_head_is_judged_before_the_body(video, name):  # 39, 40, 41
    arn = video.create(name)
    assert head(video) [:2] == (400, "InvalidArgumentException")
    assert head(video, name, x_amzn_stream_arn=arn)[:2] == (400, "InvalidArgumentException")
    assert head(video, name, x_amzn_fragment_timecode_type="FOO")[:2] == (400, "InvalidArgumentException")
    assert head(video, "nobody")[:2] == (404, "ResourceNotFoundException")
    for start in ("1600000000", "1600000000.5", "1600000000.005", "0"):
        assert head(video, name, x_amzn_producer_start_timestamp=start) == (200, None, b"")
    assert head(video, x_amzn_stream_arn=arn) == (200, None, b"")


def test_the_same_media_again_are_new_fragments(video, name):  # 55
    video.create(name)
    media = [mkv.header(), mkv.fragment(0)]
    first, second = (persisted(video.send(name, media, start=1_700_000_000)) for _ in range(2))
    assert first < second
    assert len({f["ProducerTimestamp"] for f in video.fragments(name)}) == 1 and len(video.fragments(name)) == 2


def test_a_third_producer_is_refused_and_two_overlap(video, name):  # 56
    video.create(name)
    uploads = [video.upload(name, start=1_700_000_000 + 100 * index) for index in range(2)]
    with pytest.raises(RuntimeError, match="ConnectionLimitExceededException"):
        video.upload(name)
    for upload in uploads:
        upload.send(mkv.header() + mkv.fragment(0))
    for upload in uploads:
        upload.finish()
        assert kinds(upload.acknowledgements())[-1] == "PERSISTED"
        upload.close()
    assert len(video.fragments(name)) == 2


def test_a_producer_that_vanishes_leaves_what_was_complete(video, name):  # 54
    video.create(name)
    upload = video.upload(name)
    acks = upload.acknowledgements()
    upload.send(mkv.header() + mkv.fragment(0) + mkv.fragment(400)[:1000])
    while next(acks)["EventType"] != "PERSISTED":
        pass
    upload.close()
    time.sleep(0.2)
    assert [f["FragmentLengthInMilliseconds"] for f in video.fragments(name)] == [300]


def test_deleting_the_stream_ends_the_call(video, name):  # 21, 59
    arn = video.create(name)
    upload = video.upload(name)
    upload.send(mkv.header() + mkv.fragment(0) + mkv.fragment(400))
    acks = upload.acknowledgements()
    while next(acks)["EventType"] != "PERSISTED":
        pass
    video.control.delete_stream(StreamARN=arn)
    assert error_of(list(acks))[0] in (4507, 4008)
    upload.close()
    with pytest.raises(RuntimeError, match="404"):
        video.upload(name)


def test_idle_calls_say_so(video, name):  # 53
    video.create(name)
    upload = video.upload(name)
    started = time.monotonic()
    upload.send(mkv.header() + mkv.fragment(0) + mkv.end_of_fragment())
    acks = list(upload.acknowledgements())
    assert kinds(acks)[:3] == ["BUFFERING", "RECEIVED", "PERSISTED"]
    assert set(kinds(acks)[3:]) == {"IDLE"} and 5 <= len(acks) - 3 <= 6
    assert 28 <= time.monotonic() - started <= 33


def test_a_server_that_stops_takes_the_fragment_that_is_open(riacho_server, name):
    server = riacho_server()
    video = Video(server)
    video.create(name)
    upload = video.upload(name)
    second = mkv.fragment(400)
    upload.send(mkv.header() + mkv.fragment(0) + second[:1000])
    acks = upload.acknowledgements()
    while (ack := next(acks))["EventType"] != "BUFFERING" or ack["FragmentTimecode"] != 400:
        pass
    ended = []
    stopping = threading.Thread(target=lambda: ended.append(server.stop()))
    stopping.start()
    time.sleep(0.5)
    upload.send(second[1000:] + mkv.end_of_fragment())
    rest = list(acks)
    assert [(ack["EventType"], ack["FragmentTimecode"]) for ack in rest if ack["FragmentTimecode"] == 400] == [
        ("RECEIVED", 400), ("PERSISTED", 400)]
    stopping.join(20)
    assert ended == [0]
    assert len(Video(server.start()).fragments(name)) == 2


def test_a_decrease_hides_what_is_older_for_ever(riacho_server, name):  # 20
    server = riacho_server("--test-clock")
    video = Video(server)
    video.create(name, 48)
    media = [mkv.header(), mkv.fragment(0)]
    video.send(name, media)
    server.advance_clock(30 * 3600)
    video.send(name, media)
    assert len(video.fragments(name)) == 2
    change = lambda operation: video.control.update_data_retention(
        StreamName=name, CurrentVersion=video.control.describe_stream(StreamName=name)["StreamInfo"]["Version"],
        Operation=f"{operation}_DATA_RETENTION", DataRetentionChangeInHours=24)
    change("DECREASE")
    assert len(video.fragments(name)) == 1
    change("INCREASE")
    assert len(video.fragments(name)) == 1  # nothing comes back


def test_everything_is_there_after_a_restart_and_numbers_go_on(riacho_server, name):  # 37, 38
    server = riacho_server()
    video = Video(server)
    video.create(name)
    media = [mkv.header(), *(mkv.fragment(t, frames=2, size=100) for t in range(0, 600 * 200, 200))]
    acks = video.send(name, media)
    numbers = persisted(acks)
    assert len(numbers) == 600  # more than a page of the index holds
    server.stop()
    video = Video(server.start())
    listed = [f["FragmentNumber"] for f in video.fragments(name, MaxResults=1000)]
    assert listed == numbers
    server.kill()
    video = Video(server.start())
    assert [f["FragmentNumber"] for f in video.fragments(name, MaxResults=1000)] == numbers
    assert persisted(video.send(name, media[:3])) > numbers[-1:]
