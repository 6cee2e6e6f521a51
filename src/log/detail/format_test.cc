// File formats: encoded and decoded again, compared with the golden files, and refused when any byte is wrong.
#include "log/detail/format.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

StoreUuid test_uuid() {
    StoreUuid uuid;
    for (std::size_t i = 0; i < uuid.size(); ++i) uuid[i] = static_cast<std::byte>(0xA0 + i);
    return uuid;
}

// Compares with tests/golden/log/<name>; RIACHO_WRITE_GOLDEN=1 writes it instead.
void expect_golden(const std::string& name, ByteSpan bytes) {
    const std::string path = "tests/golden/log/" + name;
    if (std::getenv("RIACHO_WRITE_GOLDEN") != nullptr) {
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    std::ifstream in(path, std::ios::binary);
    ASSERT_TRUE(in) << path;
    const std::string golden((std::istreambuf_iterator<char>(in)), {});
    ASSERT_EQ(golden.size(), bytes.size()) << path;
    EXPECT_TRUE(golden == as_text(bytes)) << path << " differs";
}

Bytes read_golden(const std::string& name) {
    std::ifstream in("tests/golden/log/" + name, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_FALSE(text.empty()) << name;
    const ByteSpan bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

// Every byte matters: each is flipped, and bytes are cut off and added.
template <class Decode>
void expect_refused_when_changed(const Bytes& bytes, Decode decode) {
    ASSERT_TRUE(decode(ByteSpan(bytes)));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        Bytes changed = bytes;
        changed[i] ^= std::byte{0x20};
        EXPECT_FALSE(decode(ByteSpan(changed))) << "byte " << i;
        EXPECT_FALSE(decode(ByteSpan(bytes).first(i))) << "cut at " << i;
    }
}

Bytes golden_frame() {
    BatchBuilder builder(0);
    const HashKeyBytes key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    std::ranges::copy(as_bytes("first"), builder.add("vendedor-1", &key, 5).begin());
    builder.add("k", nullptr, 0);
    const std::string long_data(300, 'z');
    std::ranges::copy(as_bytes(long_data), builder.add("k2", nullptr, 300).begin());
    FrameHeader header;
    header.generation = 3;
    header.lsn = Lsn(8192);
    header.durable_lsn = Lsn(4096);
    header.shard = 77;
    header.base_seq = 1000;
    const auto frame = builder.seal().place(header, TimestampMs(1'700'000'000'123));
    return {frame->bytes().begin(), frame->bytes().end()};
}

std::shared_ptr<const Frame> parse(const Bytes& bytes) {
    const auto header = decode_header(bytes);
    if (!header || header->size_on_disk() != bytes.size()) return nullptr;
    auto memory = Frame::allocate(bytes.size());
    std::ranges::copy(bytes, memory.get());
    return Frame::from_disk(*header, std::move(memory));
}

TEST(FrameFormat, a_data_frame_is_the_golden_bytes_and_reads_back) {
    const Bytes bytes = golden_frame();
    expect_golden("data-frame-v1.bin", bytes);
    const auto frame = parse(bytes);
    ASSERT_TRUE(frame);
    EXPECT_TRUE(frame->verify_records());
    EXPECT_EQ(frame->payload_bytes(), 10U + 5 + 1 + 2 + 300);
    std::vector<RecordView> records;
    for (const RecordView& record : frame->records()) records.push_back(record);
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[0].seq, SeqIx(1000));
    EXPECT_EQ(records[0].partition_key, "vendedor-1");
    EXPECT_EQ(records[0].data, "first");
    ASSERT_NE(records[0].explicit_hash_key, nullptr);
    EXPECT_EQ((*records[0].explicit_hash_key)[15], 15);
    EXPECT_EQ(records[1].explicit_hash_key, nullptr);
    EXPECT_EQ(records[1].data, "");
    EXPECT_EQ(records[2].seq, SeqIx(1002));
    EXPECT_EQ(records[2].data.size(), 300U);
    EXPECT_EQ(records[2].arrival, TimestampMs(1'700'000'000'123));
}

TEST(FrameFormat, every_changed_byte_of_a_frame_is_noticed) {
    const Bytes bytes = golden_frame();
    const std::size_t used = frame_header_size + decode_header(bytes)->body_size;
    for (std::size_t i = 0; i < used; ++i) {
        Bytes changed = bytes;
        changed[i] ^= std::byte{1};
        EXPECT_EQ(parse(changed), nullptr) << i;
    }
}

TEST(FrameFormat, a_record_that_contradicts_the_frame_is_refused_although_checksums_hold) {
    const auto reseal = [](Bytes bytes) {
        FrameHeader header = *decode_header(bytes);
        header.body_crc = crc32c(ByteSpan(bytes).subspan(frame_header_size, header.body_size));
        encode_header(header, bytes.data());
        return bytes;
    };
    const std::size_t first_record = frame_header_size + 8;
    Bytes longer = golden_frame();
    put_le(longer.data() + first_record, std::uint32_t{0xFFFFFFF0});
    EXPECT_EQ(parse(reseal(longer)), nullptr);
    Bytes shorter = golden_frame();
    put_le(shorter.data() + first_record, std::uint32_t{3});
    EXPECT_EQ(parse(reseal(shorter)), nullptr);
    Bytes fewer = golden_frame();
    FrameHeader header = *decode_header(fewer);
    header.record_count = 2;
    encode_header(header, fewer.data());
    EXPECT_EQ(parse(fewer), nullptr);
}

TEST(FrameFormat, unknown_versions_and_kinds_are_named) {
    Bytes bytes = golden_frame();
    EXPECT_FALSE(unsupported_reason(bytes));
    FrameHeader header = *decode_header(bytes);
    header.kind = static_cast<FrameKind>(11);
    encode_header(header, bytes.data());
    EXPECT_FALSE(decode_header(bytes));
    ASSERT_TRUE(unsupported_reason(bytes));
    EXPECT_NE(unsupported_reason(bytes)->find("unknown kind"), std::string_view::npos);
}

TEST(Format, the_store_file) {
    const Bytes bytes = encode_store_file({.uuid = test_uuid(), .created = TimestampMs(1'700'000'000'000)});
    expect_golden("store-v3.bin", bytes);
    EXPECT_EQ(decode_store_file(read_golden("store-v1.bin"))->format, 1U);
    EXPECT_EQ(decode_store_file(read_golden("store-v2.bin"))->format, 2U);
    const auto decoded = decode_store_file(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->uuid, test_uuid());
    expect_refused_when_changed(bytes, [](ByteSpan b) { return decode_store_file(b); });
}

TEST(Format, the_journal_header) {
    std::array<std::byte, file_header_size> block;
    encode_journal_header({.store = test_uuid(),
                           .generation = 5,
                           .first_lsn = Lsn(8192),
                           .prev_generation = 4,
                           .prev_last_lsn = Lsn(8192),
                           .file_size = 64 << 20,
                           .created = TimestampMs(1'700'000'000'000)},
                          block);
    expect_golden("journal-header-v1.bin", ByteSpan(block).first(84));
    const auto decoded = decode_journal_header(block);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->generation, 5U);
    EXPECT_EQ(decoded->first_lsn, Lsn(8192));
    EXPECT_EQ(decoded->prev_generation, 4U);
    EXPECT_EQ(decoded->file_size, 64U << 20);
    for (std::size_t i = 0; i < 84; ++i) {
        auto changed = block;
        changed[i] ^= std::byte{1};
        EXPECT_FALSE(decode_journal_header(changed)) << i;
    }
    EXPECT_FALSE(decode_journal_header(ByteSpan(block).first(4000)));
}

TEST(Format, journal_file_names_are_generations) {
    EXPECT_EQ(journal_file_name(0x1F), "j-000000000000001f.rkj");
    EXPECT_EQ(parse_journal_file_name("j-000000000000001f.rkj"), 0x1FU);
    for (const std::string_view name :
         {"j-1f.rkj", "j-000000000000001g.rkj", "j-000000000000001f.rkj.tmp", "", "spare-000000000000001f.rkj"}) {
        EXPECT_FALSE(parse_journal_file_name(name)) << name;
    }
}

TEST(Format, a_command_body) {
    CommandBody body;
    body.now = TimestampMs(1'700'000'000'000);
    body.effects.create = {{ShardUid(1), SeqIx(1)}, {ShardUid(2), SeqIx(50), ShardClass::media}};
    body.effects.close = {ShardUid(3)};
    body.effects.drop = {ShardUid(4), ShardUid(5)};
    body.effects.trim = {{ShardUid(6), SeqIx(7)}};
    body.facts = {{ShardUid(3), SeqIx(9), TimestampMs(1'699'999'999'999)}};
    body.command = "{\"op\":\"split\"}";
    Bytes bytes(command_body_size(body));
    encode_command_body(body, bytes.data());
    expect_golden("command-body-v2.bin", bytes);
    const Bytes old_bytes = read_golden("command-body-v1.bin");
    const auto old = decode_command_body(old_bytes, 0);
    ASSERT_TRUE(old);
    EXPECT_EQ(old->effects.create[1].shard_class, ShardClass::records);
    EXPECT_EQ(old->command, body.command);
    const auto decoded = decode_command_body(bytes, frame_flag_classes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->effects.create[1].shard_class, ShardClass::media);
    EXPECT_EQ(decoded->now, body.now);
    EXPECT_EQ(decoded->command, body.command);
    ASSERT_EQ(decoded->effects.create.size(), 2U);
    EXPECT_EQ(decoded->effects.create[1].first, SeqIx(50));
    EXPECT_EQ(decoded->effects.close, body.effects.close);
    EXPECT_EQ(decoded->effects.drop, body.effects.drop);
    EXPECT_EQ(decoded->effects.trim[0].first_available, SeqIx(7));
    EXPECT_EQ(decoded->facts[0].last_arrival, body.facts[0].last_arrival);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        EXPECT_FALSE(decode_command_body(ByteSpan(bytes).first(i), frame_flag_classes)) << i;
    }
}

TEST(Format, a_trailer_with_and_without_room_for_the_group_before) {
    Trailer trailer;
    trailer.entries = {{.offset = 0, .body_size = 100, .shard = 1, .base_seq = 5, .record_count = 2},
                       {.offset = 168, .body_size = 9, .shard = 0, .base_seq = 3, .kind = FrameKind::command}};
    trailer.previous_group = Lsn(4096);
    trailer.previous = {{.offset = 0, .body_size = 7, .shard = 9, .base_seq = 1, .record_count = 1}};
    Bytes body(trailer_body_size(2) + trailer_entry_size + 100);
    encode_trailer(trailer, body);
    expect_golden("trailer-body-v1.bin", body);
    auto decoded = decode_trailer(body);
    ASSERT_TRUE(decoded);
    ASSERT_EQ(decoded->entries.size(), 2U);
    EXPECT_EQ(decoded->entries[1].kind, FrameKind::command);
    ASSERT_EQ(decoded->previous.size(), 1U);
    EXPECT_EQ(decoded->previous[0].shard, 9U);
    EXPECT_EQ(decoded->previous_group, Lsn(4096));
    Bytes small(trailer_body_size(2) + trailer_entry_size - 1);
    encode_trailer(trailer, small);
    decoded = decode_trailer(small);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->entries.size(), 2U);
    EXPECT_TRUE(decoded->previous.empty());
}

TEST(Format, a_segment_reference) {
    const SegmentReference reference{.segment = SeqIx(1000), .offset = 4096, .size = 8192, .header_crc = 0xDEADBEEF};
    Bytes body(reference_body_size);
    encode_reference(reference, std::span(body).first<reference_body_size>());
    expect_golden("reference-body-v1.bin", body);
    const auto decoded = decode_reference(body);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->segment, SeqIx(1000));
    EXPECT_EQ(decoded->offset, 4096U);
    EXPECT_EQ(decoded->end(), 12'288U);
    EXPECT_EQ(decoded->header_crc, 0xDEADBEEF);
    for (std::size_t size = 0; size < body.size(); ++size) EXPECT_FALSE(decode_reference(ByteSpan(body).first(size)));
    const auto refused = [&](auto change) {
        SegmentReference wrong = reference;
        change(wrong);
        Bytes bytes(reference_body_size);
        encode_reference(wrong, std::span(bytes).first<reference_body_size>());
        return !decode_reference(bytes);
    };
    EXPECT_TRUE(refused([](SegmentReference& r) { r.segment = SeqIx(0); }));
    EXPECT_TRUE(refused([](SegmentReference& r) { r.offset = 4088; }));
    EXPECT_TRUE(refused([](SegmentReference& r) { r.offset = 4100; }));
    EXPECT_TRUE(refused([](SegmentReference& r) { r.offset = UINT64_MAX - 7; }));
    EXPECT_TRUE(refused([](SegmentReference& r) { r.size = 56; }));
    EXPECT_TRUE(refused([](SegmentReference& r) { r.size = 1ULL << 32; }));
}

TEST(Format, a_segments_header_and_footer) {
    std::array<std::byte, file_header_size> head;
    encode_segment_header({.store = test_uuid(),
                           .shard = ShardUid(0x1234),
                           .base = SeqIx(100),
                           .base_lsn = Lsn(8192),
                           .created = TimestampMs(1'700'000'000'000),
                           .prev_base = SeqIx(1)},
                          head);
    expect_golden("segment-header-v1.bin", ByteSpan(head).first(76));
    const auto header = decode_segment_header(head);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->shard_class, ShardClass::records);
    SegmentHeader media = *header;
    media.shard_class = ShardClass::media;
    std::array<std::byte, file_header_size> media_head;
    encode_segment_header(media, media_head);
    expect_golden("segment-header-media-v1.bin", ByteSpan(media_head).first(76));
    EXPECT_EQ(decode_segment_header(media_head)->shard_class, ShardClass::media);
    EXPECT_EQ(header->shard, ShardUid(0x1234));
    EXPECT_EQ(header->prev_base, SeqIx(1));
    std::array<std::byte, segment_footer_size> tail;
    encode_segment_footer({.next = SeqIx(200),
                           .max_arrival = TimestampMs(1'700'000'000'999),
                           .frames_end = 123456,
                           .record_count = 100,
                           .headers_crc = 0xDEADBEEF},
                          tail);
    expect_golden("segment-footer-v1.bin", tail);
    const auto footer = decode_segment_footer(tail);
    ASSERT_TRUE(footer);
    EXPECT_EQ(footer->next, SeqIx(200));
    EXPECT_EQ(footer->headers_crc, 0xDEADBEEF);
    for (std::size_t i = 0; i < 48; ++i) {
        auto changed = tail;
        changed[i] ^= std::byte{1};
        EXPECT_FALSE(decode_segment_footer(changed)) << i;
    }
    EXPECT_EQ(shard_directory(ShardUid(0x1234)), "data/1/0000000000001234");
    EXPECT_EQ(segment_file_name(SeqIx(255)), "00000000000000ff.rks");
    EXPECT_EQ(parse_segment_file_name("00000000000000ff.rks"), SeqIx(255));
    EXPECT_FALSE(parse_segment_file_name("00000000000000ff.rki"));
}

TEST(Format, an_index) {
    const SegmentIndex index{.frames_end = 100'000,
                             .entries = {{0, 0, 4096}, {30, 500, 40'000}, {60, index_arrival_max, 80'000}}};
    const Bytes bytes = encode_index(SeqIx(7), index);
    expect_golden("index-v1.bin", bytes);
    const auto decoded = decode_index(SeqIx(7), bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->entries, index.entries);
    EXPECT_FALSE(decode_index(SeqIx(8), bytes)) << "another segment's";
    expect_refused_when_changed(bytes, [](ByteSpan b) { return decode_index(SeqIx(7), b); });
}

TEST(Format, a_checkpoint) {
    Checkpoint checkpoint{.store = test_uuid(),
                          .lsn = Lsn(123'456),
                          .generation = 9,
                          .next_command = 4,
                          .last_command_lsn = Lsn(8192),
                          .last_command_now = TimestampMs(1'700'000'000'000)};
    checkpoint.shards.push_back({.shard = ShardUid(1),
                                 .closed = true,
                                 .first_available = SeqIx(2),
                                 .next = SeqIx(30),
                                 .last_arrival = TimestampMs(1'700'000'000'001),
                                 .last_base = SeqIx(20)});
    checkpoint.shards.push_back({.shard = ShardUid(2),
                                 .first_available = SeqIx(1),
                                 .next = SeqIx(9),
                                 .damaged_from = SeqIx(5),
                                 .active_base = SeqIx(8),
                                 .active_frames_end = 5000,
                                 .active_headers_crc = 42,
                                 .active_created = TimestampMs(1'699'999'999'000),
                                 .last_base = SeqIx(8),
                                 .shard_class = ShardClass::media});
    checkpoint.dropped = {ShardUid(3)};
    const Bytes bytes = encode_checkpoint(checkpoint);
    expect_golden("checkpoint-v2.bin", bytes);
    auto old = decode_checkpoint(read_golden("checkpoint-v1.bin"));
    ASSERT_TRUE(old);
    EXPECT_EQ(old->shards[1].shard_class, ShardClass::records);
    old->shards[1].shard_class = ShardClass::media;
    EXPECT_EQ(encode_checkpoint(*old), bytes) << "nothing else is new";
    const auto decoded = decode_checkpoint(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(encode_checkpoint(*decoded), bytes);
    EXPECT_TRUE(decoded->shards[0].closed);
    EXPECT_EQ(decoded->shards[1].active_frames_end, 5000U);
    expect_refused_when_changed(bytes, [](ByteSpan b) { return decode_checkpoint(b); });
}

TEST(BatchBuilder, grows_beyond_the_expected_size_and_keeps_what_was_written) {
    BatchBuilder builder(10);
    for (int i = 0; i < 100; ++i) {
        const std::string data(static_cast<std::size_t>(i * 13), static_cast<char>('a' + i % 26));
        std::ranges::copy(as_bytes(data), builder.add(std::to_string(i), nullptr, data.size()).begin());
    }
    const auto frame = builder.seal().place({}, TimestampMs(5));
    int i = 0;
    for (const RecordView& record : frame->records()) {
        EXPECT_EQ(record.partition_key, std::to_string(i));
        EXPECT_EQ(record.data, std::string(static_cast<std::size_t>(i * 13), static_cast<char>('a' + i % 26)));
        ++i;
    }
    EXPECT_EQ(i, 100);
    EXPECT_TRUE(frame->verify_records());
}

}  // namespace
}  // namespace riacho::log::detail
