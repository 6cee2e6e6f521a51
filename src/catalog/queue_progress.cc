#include "catalog/queue_progress.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"
#include "base/codec.h"

namespace riacho::catalog {
namespace {

constexpr std::uint8_t floor_format = 1;
constexpr std::uint8_t window_format = 1;
// The two encodings of a window's bits; the shorter one is stored.
constexpr std::uint8_t as_runs = 0;
constexpr std::uint8_t as_bitmap = 1;
constexpr std::size_t bitmap_size = queue_window / 8;

// Kinds of rows, in the sort order of their keys.
constexpr char kind_done = 'a';
constexpr char kind_dead = 'd';
constexpr char kind_floor = 'f';
constexpr char kind_restored = 'r';

// kind | shard uid, 8 bytes | window, 6 bytes; big-endian, so that the rows of a shard are sorted. 15 bytes fit into
// std::string's internal buffer.
ProgressKey key_of(std::uint64_t queue_uid, char kind, std::uint64_t shard_uid, std::uint64_t window) {
    std::string key(15, kind);
    for (std::size_t i = 0; i < 8; ++i) key[1 + i] = static_cast<char>(shard_uid >> (56 - 8 * i) & 0xFF);
    for (std::size_t i = 0; i < 6; ++i) key[9 + i] = static_cast<char>(window >> (40 - 8 * i) & 0xFF);
    return {queue_uid, std::move(key)};
}

std::uint64_t window_of(const ProgressKey& key) {
    std::uint64_t window = 0;
    for (std::size_t i = 9; i < key.key.size(); ++i) window = window << 8 | static_cast<unsigned char>(key.key[i]);
    return window;
}

bool is_of(const ProgressKey& key, const ProgressKey& first) {
    return key.owner == first.owner && key.key.size() == first.key.size() &&
           key.key.starts_with(first.key.substr(0, 9));
}

QueueFloor load_floor(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid) {
    const ProgressValue* row = progress.find(key_of(queue_uid, kind_floor, shard_uid, 0));
    if (row == nullptr) return {};
    auto floor = decode_queue_floor(**row);
    RIACHO_CHECK(floor.has_value(), "rows are checked when they are loaded");
    return *std::move(floor);
}

std::optional<QueueWindow> load_window(const Progress& progress, const ProgressKey& key) {
    const ProgressValue* row = progress.find(key);
    if (row == nullptr) return std::nullopt;
    auto window = decode_queue_window(**row);
    RIACHO_CHECK(window.has_value(), "rows are checked when they are loaded");
    return window;
}

// The run of done windows that contains this window.
std::map<std::uint64_t, std::uint64_t>::const_iterator find_run(const QueueFloor& floor, std::uint64_t window) {
    const auto after = floor.runs.upper_bound(window);
    if (after == floor.runs.begin()) return floor.runs.end();
    const auto run = std::prev(after);
    return window < run->second ? run : floor.runs.end();
}

}  // namespace

void QueueWindow::clear_before(std::uint64_t i) {
    for (std::uint64_t word = 0; word < i / 64; ++word) words_[word] = 0;
    if (i < queue_window) words_[i / 64] &= ~std::uint64_t{0} << (i % 64);
}

std::uint64_t QueueWindow::count_from(std::uint64_t i) const {
    std::uint64_t count = 0;
    for (std::uint64_t word = i / 64; word < words_.size(); ++word) {
        const std::uint64_t bits = word == i / 64 ? words_[word] & ~std::uint64_t{0} << (i % 64) : words_[word];
        count += static_cast<std::uint64_t>(std::popcount(bits));
    }
    return count;
}

bool QueueWindow::is_empty() const {
    return std::ranges::all_of(words_, [](std::uint64_t word) { return word == 0; });
}

bool QueueWindow::is_full() const {
    return std::ranges::all_of(words_, [](std::uint64_t word) { return word == ~std::uint64_t{0}; });
}

std::uint64_t QueueWindow::next_set(std::uint64_t i) const {
    for (std::uint64_t word = i / 64; word < words_.size(); ++word) {
        const std::uint64_t bits = word == i / 64 ? words_[word] & ~std::uint64_t{0} << (i % 64) : words_[word];
        if (bits != 0) return word * 64 + static_cast<std::uint64_t>(std::countr_zero(bits));
    }
    return queue_window;
}

std::uint64_t QueueWindow::next_clear(std::uint64_t i) const {
    for (std::uint64_t word = i / 64; word < words_.size(); ++word) {
        const std::uint64_t bits = word == i / 64 ? ~words_[word] & ~std::uint64_t{0} << (i % 64) : ~words_[word];
        if (bits != 0) return word * 64 + static_cast<std::uint64_t>(std::countr_zero(bits));
    }
    return queue_window;
}

std::string encode(const QueueFloor& floor) {
    Encoder out;
    out.number(floor_format);
    out.number(floor.floor);
    out.varint(floor.runs.size());
    std::uint64_t at = floor.floor / queue_window;
    for (const auto& [first, end] : floor.runs) {
        out.varint(first - at);
        out.varint(end - first);
        at = end;
    }
    return out.take();
}

std::optional<QueueFloor> decode_queue_floor(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != floor_format) return std::nullopt;
    QueueFloor floor;
    floor.floor = in.number<std::uint64_t>();
    std::uint64_t at = floor.floor / queue_window;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        const std::uint64_t gap = in.varint();
        const std::uint64_t length = in.varint();
        constexpr std::uint64_t sane = std::uint64_t{1} << 48;
        if (gap == 0 || length == 0 || gap > sane || length > sane || at > sane) return std::nullopt;
        const std::uint64_t first = at + gap;
        at = first + length;
        floor.runs.emplace_hint(floor.runs.end(), first, at);
    }
    if (!in.ok() || in.left() != 0) return std::nullopt;
    return floor;
}

std::string encode(const QueueWindow& window) {
    Encoder runs;
    runs.number(window_format);
    runs.number(as_runs);
    std::uint64_t at = 0;
    for (std::uint64_t first = window.next_set(0); first < queue_window; first = window.next_set(at)) {
        const std::uint64_t end = window.next_clear(first);
        runs.varint(first - at);
        runs.varint(end - first);
        at = end;
        if (runs.bytes().size() >= 2 + bitmap_size) break;
    }
    if (runs.bytes().size() < 2 + bitmap_size) return runs.take();
    Encoder bitmap;
    bitmap.number(window_format);
    bitmap.number(as_bitmap);
    for (std::uint64_t i = 0; i < queue_window; i += 8) {
        std::uint8_t byte = 0;
        for (std::uint64_t bit = 0; bit < 8; ++bit) byte |= static_cast<std::uint8_t>(window.test(i + bit) << bit);
        bitmap.number(byte);
    }
    return bitmap.take();
}

std::optional<QueueWindow> decode_queue_window(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != window_format) return std::nullopt;
    QueueWindow window;
    const auto form = in.number<std::uint8_t>();
    if (form == as_bitmap) {
        if (in.left() != bitmap_size) return std::nullopt;
        for (std::uint64_t i = 0; i < queue_window; i += 8) {
            const auto byte = in.number<std::uint8_t>();
            for (std::uint64_t bit = 0; bit < 8; ++bit) {
                if ((byte >> bit & 1) != 0) window.set(i + bit);
            }
        }
        return window;
    }
    if (form != as_runs) return std::nullopt;
    std::uint64_t at = 0;
    while (in.left() > 0 && in.ok()) {
        const std::uint64_t gap = in.varint();
        const std::uint64_t length = in.varint();
        if (gap > queue_window || length == 0 || length > queue_window || at + gap + length > queue_window) {
            return std::nullopt;
        }
        for (std::uint64_t i = at + gap; i < at + gap + length; ++i) window.set(i);
        at += gap + length;
    }
    if (!in.ok()) return std::nullopt;
    return window;
}

QueueShardView::QueueShardView(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid)
    : progress_(progress),
      queue_uid_(queue_uid),
      shard_uid_(shard_uid),
      floor_(load_floor(progress, queue_uid, shard_uid)) {}

const QueueWindow* QueueShardView::window(std::uint64_t number) const {
    if (cached_number_ != number) {
        cached_ = load_window(progress_, key_of(queue_uid_, kind_done, shard_uid_, number));
        cached_number_ = number;
    }
    return cached_ ? &*cached_ : nullptr;
}

bool QueueShardView::is_done(std::uint64_t seq) const {
    if (seq < floor_.floor || find_run(floor_, seq / queue_window) != floor_.runs.end()) return true;
    const QueueWindow* bits = window(seq / queue_window);
    return bits != nullptr && bits->test(seq % queue_window);
}

std::uint64_t QueueShardView::next_open(std::uint64_t seq) const {
    seq = std::max(seq, floor_.floor);
    for (;;) {
        if (const auto run = find_run(floor_, seq / queue_window); run != floor_.runs.end()) {
            seq = run->second * queue_window;
            continue;
        }
        const QueueWindow* bits = window(seq / queue_window);
        if (bits == nullptr) return seq;
        const std::uint64_t open = bits->next_clear(seq % queue_window);
        seq = seq / queue_window * queue_window + open;
        if (open < queue_window) return seq;
    }
}

std::uint64_t QueueShardView::done_between(std::uint64_t from, std::uint64_t end) const {
    if (from >= end) return 0;
    std::uint64_t count = from < floor_.floor ? std::min(floor_.floor, end) - from : 0;
    from = std::max(from, floor_.floor);
    const auto overlap = [&](std::uint64_t first, std::uint64_t last) {
        first = std::max(first, from);
        last = std::min(last, end);
        return first < last ? last - first : 0;
    };
    for (const auto& [first, after] : floor_.runs) count += overlap(first * queue_window, after * queue_window);
    const ProgressKey first = key_of(queue_uid_, kind_done, shard_uid_, from / queue_window);
    progress_.for_each_from(first, [&](const ProgressKey& key, const ProgressValue& value) {
        const std::uint64_t begin = window_of(key) * queue_window;
        if (!is_of(key, first) || begin >= end) return false;
        const auto bits = decode_queue_window(*value);
        if (!bits) return false;
        count += bits->count_from(from > begin ? from - begin : 0);
        if (end < begin + queue_window) count -= bits->count_from(end - begin);
        return true;
    });
    return count;
}

std::vector<std::uint64_t> QueueShardView::numbers(char kind, std::uint64_t from, std::size_t count) const {
    std::vector<std::uint64_t> found;
    const ProgressKey first = key_of(queue_uid_, kind, shard_uid_, from / queue_window);
    progress_.for_each_from(first, [&](const ProgressKey& key, const ProgressValue& value) {
        if (found.size() >= count || !is_of(key, first)) return false;
        const auto bits = decode_queue_window(*value);
        if (!bits) return false;
        const std::uint64_t begin = window_of(key) * queue_window;
        for (std::uint64_t i = bits->next_set(from > begin ? from - begin : 0);
             i < queue_window && found.size() < count;
             i = i + 1 < queue_window ? bits->next_set(i + 1) : queue_window) {
            found.push_back(begin + i);
        }
        return true;
    });
    return found;
}

std::uint64_t QueueShardView::count_all(char kind) const {
    std::uint64_t count = 0;
    const ProgressKey first = key_of(queue_uid_, kind, shard_uid_, 0);
    progress_.for_each_from(first, [&](const ProgressKey& key, const ProgressValue& value) {
        if (!is_of(key, first)) return false;
        const auto bits = decode_queue_window(*value);
        count += bits ? bits->count_from(0) : 0;
        return true;
    });
    return count;
}

std::vector<std::uint64_t> QueueShardView::dead(std::uint64_t from, std::size_t count) const {
    return numbers(kind_dead, from, count);
}

std::vector<std::uint64_t> QueueShardView::restored(std::uint64_t from, std::size_t count) const {
    return numbers(kind_restored, from, count);
}

std::uint64_t QueueShardView::dead_count() const { return count_all(kind_dead); }
std::uint64_t QueueShardView::restored_count() const { return count_all(kind_restored); }

QueueShardEditor::QueueShardEditor(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid)
    : progress_(progress),
      queue_uid_(queue_uid),
      shard_uid_(shard_uid),
      floor_(load_floor(progress, queue_uid, shard_uid)),
      stored_(floor_) {}

QueueWindow* QueueShardEditor::find(char kind, std::uint64_t number) {
    const auto known = windows_.find({kind, number});
    if (known != windows_.end()) return &known->second.bits;
    auto stored = load_window(progress_, key_of(queue_uid_, kind, shard_uid_, number));
    if (!stored) return nullptr;
    return &windows_.emplace(std::pair{kind, number}, Loaded{*stored, false}).first->second.bits;
}

QueueWindow& QueueShardEditor::change(char kind, std::uint64_t number) {
    static_cast<void>(find(kind, number));
    Loaded& loaded = windows_[{kind, number}];
    loaded.changed = true;
    return loaded.bits;
}

bool QueueShardEditor::test(char kind, std::uint64_t seq) {
    const QueueWindow* bits = find(kind, seq / queue_window);
    return bits != nullptr && bits->test(seq % queue_window);
}

bool QueueShardEditor::clear(char kind, std::uint64_t seq) {
    if (!test(kind, seq)) return false;
    change(kind, seq / queue_window).clear(seq % queue_window);
    return true;
}

bool QueueShardEditor::is_done(std::uint64_t seq) {
    return seq < floor_.floor || find_run(floor_, seq / queue_window) != floor_.runs.end() || test(kind_done, seq);
}

void QueueShardEditor::set_done(std::uint64_t seq) {
    if (is_done(seq)) return;
    const std::uint64_t number = seq / queue_window;
    if (seq == floor_.floor) {
        ++floor_.floor;
        return advance_floor();
    }
    QueueWindow& bits = change(kind_done, number);
    bits.set(seq % queue_window);
    if (number == floor_.floor / queue_window || !bits.is_full()) return;
    bits = {};
    add_run(number);
}

void QueueShardEditor::add_run(std::uint64_t number) {
    std::uint64_t first = number;
    std::uint64_t end = number + 1;
    const auto after = floor_.runs.upper_bound(number);
    if (after != floor_.runs.end() && after->first == end) {
        end = after->second;
        floor_.runs.erase(after);
    }
    const auto next = floor_.runs.upper_bound(number);
    if (next != floor_.runs.begin() && std::prev(next)->second == first) first = std::prev(next)->first;
    floor_.runs[first] = end;
}

// Moves the floor over done numbers and deletes the rows before it.
void QueueShardEditor::advance_floor() {
    for (;;) {
        const std::uint64_t number = floor_.floor / queue_window;
        if (const auto run = floor_.runs.find(number); run != floor_.runs.end()) {
            floor_.floor = run->second * queue_window;
            floor_.runs.erase(run);
            continue;
        }
        const QueueWindow* bits = find(kind_done, number);
        if (bits == nullptr || bits->is_empty()) return;
        const std::uint64_t open = bits->next_clear(floor_.floor % queue_window);
        if (open == floor_.floor % queue_window) return;
        floor_.floor = number * queue_window + open;
        QueueWindow& passed = change(kind_done, number);
        passed.clear_before(open);
        if (open < queue_window) return;
    }
}

void QueueShardEditor::acknowledge(std::uint64_t seq) {
    static_cast<void>(clear(kind_restored, seq));
    if (!test(kind_dead, seq)) set_done(seq);
}

void QueueShardEditor::bury(std::uint64_t seq) {
    const bool was_restored = clear(kind_restored, seq);
    if (!was_restored && is_done(seq)) return;
    set(kind_dead, seq);
    set_done(seq);
}

void QueueShardEditor::acknowledge_dead(std::uint64_t seq) { static_cast<void>(clear(kind_dead, seq)); }

void QueueShardEditor::restore(std::uint64_t seq) {
    if (clear(kind_dead, seq)) set(kind_restored, seq);
}

void QueueShardEditor::drop_before(char kind, std::uint64_t seq) {
    const ProgressKey first = key_of(queue_uid_, kind, shard_uid_, 0);
    progress_.for_each_from(first, [&](const ProgressKey& key, const ProgressValue&) {
        if (!is_of(key, first) || window_of(key) > seq / queue_window) return false;
        static_cast<void>(find(kind, window_of(key)));
        return true;
    });
    for (auto& [key, loaded] : windows_) {
        if (key.first != kind || key.second > seq / queue_window) continue;
        loaded.bits.clear_before(key.second == seq / queue_window ? seq % queue_window : queue_window);
        loaded.changed = true;
    }
}

void QueueShardEditor::skip(std::uint64_t seq) {
    for (const char kind : {kind_dead, kind_restored}) drop_before(kind, seq);
    if (seq <= floor_.floor) return;
    drop_before(kind_done, seq);
    floor_.floor = seq;
    // Runs before the new floor are removed; the floor moves to the end of the run that contains it.
    while (!floor_.runs.empty() && floor_.runs.begin()->first <= seq / queue_window) {
        floor_.floor = std::max(floor_.floor, floor_.runs.begin()->second * queue_window);
        floor_.runs.erase(floor_.runs.begin());
    }
    advance_floor();
}

QueueShardEditor::Rows QueueShardEditor::take() {
    Rows rows;
    if (floor_ != stored_) {
        rows.emplace_back(key_of(queue_uid_, kind_floor, shard_uid_, 0),
                          std::make_shared<const std::string>(encode(floor_)));
    }
    for (const auto& [key, loaded] : windows_) {
        if (!loaded.changed) continue;
        ProgressKey row = key_of(queue_uid_, key.first, shard_uid_, key.second);
        if (!loaded.bits.is_empty()) {
            rows.emplace_back(std::move(row), std::make_shared<const std::string>(encode(loaded.bits)));
        } else if (progress_.find(row) != nullptr) {
            rows.emplace_back(std::move(row), nullptr);
        }
    }
    return rows;
}

QueueShardEditor::Rows rows_of(std::uint64_t queue_uid, std::uint64_t shard_uid, const LegacyQueueShard& shard) {
    const Progress none;
    QueueShardEditor editor(none, queue_uid, shard_uid);
    editor.floor_.floor = shard.floor;
    for (const std::uint64_t seq : shard.done) editor.set_done(seq);
    for (const std::uint64_t seq : shard.dead) editor.set(kind_dead, seq);
    for (const std::uint64_t seq : shard.restored) editor.set(kind_restored, seq);
    return editor.take();
}

std::pair<std::string, std::string> queue_start(std::uint64_t shard_uid, std::uint64_t floor) {
    return {key_of(0, kind_floor, shard_uid, 0).key, encode(QueueFloor{floor, {}})};
}

bool is_queue_row(const ProgressKey& key, std::string_view value) {
    if (key.key.size() != 15) return false;
    if (key.key[0] == kind_floor) return decode_queue_floor(value).has_value();
    return decode_queue_window(value).has_value();
}

std::vector<ProgressKey> keys_of_shard(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid) {
    std::vector<ProgressKey> keys;
    for (const char kind : {kind_done, kind_dead, kind_floor, kind_restored}) {
        const ProgressKey first = key_of(queue_uid, kind, shard_uid, 0);
        progress.for_each_from(first, [&](const ProgressKey& key, const ProgressValue&) {
            if (!is_of(key, first)) return false;
            keys.push_back(key);
            return true;
        });
    }
    return keys;
}

}  // namespace riacho::catalog
