#include "base/base64.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/base64_scan.h"

namespace riacho {
namespace {

constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// One bit at a time, straight from RFC 4648: slow and obviously right.
std::string naive_encode(std::string_view data) {
    std::string bits;
    for (const char c : data) {
        for (int i = 7; i >= 0; --i) bits.push_back((static_cast<unsigned char>(c) >> i & 1) ? '1' : '0');
    }
    while (bits.size() % 6 != 0) bits.push_back('0');
    std::string text;
    for (std::size_t at = 0; at < bits.size(); at += 6)
        text.push_back(letters[std::stoul(bits.substr(at, 6), nullptr, 2)]);
    while (text.size() % 4 != 0) text.push_back('=');
    return text;
}

std::string random_bytes(std::mt19937& rng, std::size_t size) {
    std::string data(size, '\0');
    for (char& c : data) c = static_cast<char>(rng());
    return data;
}

TEST(Base64, every_length_up_to_300_agrees_with_the_naive_encoder_both_ways) {
    std::mt19937 rng(1);
    for (std::size_t size = 0; size <= 300; ++size) {
        const std::string data = random_bytes(rng, size);
        const std::string text = encode_base64(data);
        ASSERT_EQ(text, naive_encode(data)) << size;
        ASSERT_EQ(check_base64(text).decoded_size, size);
        ASSERT_EQ(decode_base64(text), data) << size;
    }
}

TEST(Base64, every_byte_value_at_every_place_of_a_vector_survives) {
    for (std::size_t place = 0; place < 72; ++place) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string data(75, '\x5A');
            data[place] = static_cast<char>(byte);
            ASSERT_EQ(decode_base64(encode_base64(data)), data);
        }
    }
}

TEST(Base64, decoding_writes_no_byte_behind_its_output) {
    std::mt19937 rng(2);
    for (std::size_t size = 0; size <= 200; ++size) {
        const std::string text = encode_base64(random_bytes(rng, size));
        std::string out(size + 64, '#');
        decode_base64(text, out.data());
        ASSERT_EQ(out.substr(size), std::string(64, '#')) << size;
    }
}

TEST(Base64, every_character_outside_the_alphabet_is_named_wherever_it_stands) {
    for (std::size_t place = 0; place < 80; ++place) {
        for (int byte = 0; byte < 256; ++byte) {
            const char c = static_cast<char>(byte);
            std::string text(80, 'A');
            text[place] = c;
            const Base64Check check = check_base64(text);
            const bool padding = c == '=' && place == 79;
            if (letters.find(c) != std::string_view::npos || padding) {
                ASSERT_EQ(check.fault, Base64Fault::none) << place << " " << byte;
            } else {
                ASSERT_EQ(check.fault, Base64Fault::character);
                ASSERT_EQ(check.character, c);
            }
        }
    }
}

TEST(Base64, faults_are_told_in_the_order_length_character_last_character) {
    EXPECT_EQ(check_base64("23456").fault, Base64Fault::length);
    EXPECT_EQ(check_base64("=====").fault, Base64Fault::length);
    EXPECT_EQ(check_base64("=+/=").fault, Base64Fault::character);
    EXPECT_EQ(check_base64("=+/=").character, '=');
    EXPECT_EQ(check_base64("a===").fault, Base64Fault::character);
    EXPECT_EQ(check_base64("ab=c").character, '=');
    EXPECT_EQ(check_base64("+/+=").fault, Base64Fault::last_character);
    EXPECT_EQ(check_base64("AB==").fault, Base64Fault::last_character);
    EXPECT_EQ(check_base64("AA==AAAA").fault, Base64Fault::character);
    EXPECT_EQ(check_base64("").fault, Base64Fault::none);
}

TEST(Base64, only_zero_bits_are_allowed_behind_the_last_byte) {
    for (const char c : letters) {
        const auto value = letters.find(c);
        EXPECT_EQ(check_base64(std::string("AA") + c + "=").fault == Base64Fault::none, value % 4 == 0) << c;
        EXPECT_EQ(check_base64(std::string("A") + c + "==").fault == Base64Fault::none, value % 16 == 0) << c;
    }
}

// A scanner decodes a run without knowing the end of the text, and checks only the rest.
TEST(Base64, a_run_and_the_check_of_the_end_agree_with_the_check_of_the_whole) {
    std::mt19937 rng(7);
    for (int round = 0; round < 20'000; ++round) {
        std::string text = encode_base64(random_bytes(rng, rng() % 160));
        if (!text.empty() && rng() % 3 == 0) text[rng() % text.size()] = static_cast<char>(rng());
        if (!text.empty() && rng() % 16 == 0) text.pop_back();
        const std::string body = text + "\"" + random_bytes(rng, 64);
        const std::size_t run = std::min(base64_run(body), text.size());
        ASSERT_TRUE(std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(run),
                                [](char c) { return letters.contains(c); }));
        if (text.size() - run > base64_end_size) continue;
        const Base64Check whole = check_base64(text);
        const Base64Check end = check_base64_end(text);
        ASSERT_EQ(end.fault, whole.fault) << text;
        ASSERT_EQ(end.character, whole.character) << text;
        ASSERT_EQ(end.decoded_size, whole.decoded_size) << text;
    }
}

}  // namespace
}  // namespace riacho
