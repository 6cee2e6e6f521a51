// PersistentMap: an ordered map whose changes return a new map and leave the old map unchanged. A change copies O(log
// n) nodes and shares the others, so readers keep an old map at no cost. A treap: the keys alone determine its shape.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace riacho {

// Copies are cheap and may be read from any thread. Key needs <=> with itself and with the types used for look-ups, and
// std::hash or the given Hash; Value is best a pointer to a constant.
template <class Key, class Value, class Hash = std::hash<Key>>
class PersistentMap {
public:
    [[nodiscard]] std::size_t size() const { return size_of(root_); }
    [[nodiscard]] bool empty() const { return root_ == nullptr; }

    // Null if the key is absent; valid as long as any map that holds the value.
    template <class K>
    [[nodiscard]] const Value* find(const K& key) const {
        const Node* node = root_.get();
        while (node != nullptr) {
            const auto order = key <=> node->key;
            if (order == 0) return &node->value;
            node = (order < 0 ? node->left : node->right).get();
        }
        return nullptr;
    }

    // A copy with the key's value added or replaced.
    [[nodiscard]] PersistentMap with(Key key, Value value) const {
        if (find(key) != nullptr) return PersistentMap(replaced(root_, key, value));
        const std::uint64_t priority = priority_of(key);
        return PersistentMap(inserted(root_, std::move(key), std::move(value), priority));
    }
    [[nodiscard]] PersistentMap without(const Key& key) const {
        return find(key) == nullptr ? *this : PersistentMap(erased(root_, key));
    }
    // A copy without the keys in [first, end); O(log n) however many keys are removed.
    [[nodiscard]] PersistentMap without_range(const Key& first, const Key& end) const {
        auto [before, rest] = split(root_, first);
        auto [gone, after] = split(rest, end);
        return PersistentMap(joined(before, after));
    }

    // Calls visit(key, value) in order from the first key that is not less than `first`, while it returns true.
    template <class K, class Visit>
    void for_each_from(const K& first, Visit visit) const {
        visit_from(root_.get(), first, visit);
    }
    template <class Visit>
    void for_each(Visit visit) const {
        visit_all(root_.get(), visit);
    }

private:
    struct Node;
    using Pointer = std::shared_ptr<const Node>;
    struct Node {
        Key key;
        Value value;
        std::uint64_t priority;
        std::size_t size;
        Pointer left;
        Pointer right;
    };

public:
    PersistentMap() = default;

private:
    explicit PersistentMap(Pointer root) : root_(std::move(root)) {}

    static std::size_t size_of(const Pointer& node) { return node == nullptr ? 0 : node->size; }

    // std::hash of a number is often the number itself: mixed, so that ascending keys do not degenerate the tree into a
    // list.
    static std::uint64_t priority_of(const Key& key) {
        std::uint64_t x = Hash()(key) + 0x9E37'79B9'7F4A'7C15;
        x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9;
        x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EB;
        return x ^ (x >> 31);
    }

    static Pointer make(Key key, Value value, std::uint64_t priority, Pointer left, Pointer right) {
        const std::size_t size = 1 + size_of(left) + size_of(right);
        return std::make_shared<const Node>(
            Node{std::move(key), std::move(value), priority, size, std::move(left), std::move(right)});
    }
    static Pointer with_children(const Pointer& node, Pointer left, Pointer right) {
        return make(node->key, node->value, node->priority, std::move(left), std::move(right));
    }

    static Pointer replaced(const Pointer& node, const Key& key, Value& value) {
        const auto order = key <=> node->key;
        if (order == 0) return make(node->key, std::move(value), node->priority, node->left, node->right);
        if (order < 0) return with_children(node, replaced(node->left, key, value), node->right);
        return with_children(node, node->left, replaced(node->right, key, value));
    }

    static Pointer inserted(const Pointer& node, Key&& key, Value&& value, std::uint64_t priority) {
        if (node == nullptr || priority > node->priority) {
            auto [less, greater] = split(node, key);
            return make(std::move(key), std::move(value), priority, std::move(less), std::move(greater));
        }
        if (key < node->key) {
            return with_children(node, inserted(node->left, std::move(key), std::move(value), priority), node->right);
        }
        return with_children(node, node->left, inserted(node->right, std::move(key), std::move(value), priority));
    }

    static Pointer erased(const Pointer& node, const Key& key) {
        const auto order = key <=> node->key;
        if (order == 0) return joined(node->left, node->right);
        if (order < 0) return with_children(node, erased(node->left, key), node->right);
        return with_children(node, node->left, erased(node->right, key));
    }

    // Splits into the keys less than `key` and the other keys.
    static std::pair<Pointer, Pointer> split(const Pointer& node, const Key& key) {
        if (node == nullptr) return {};
        if (node->key < key) {
            auto [less, others] = split(node->right, key);
            return {with_children(node, node->left, std::move(less)), std::move(others)};
        }
        auto [less, others] = split(node->left, key);
        return {std::move(less), with_children(node, std::move(others), node->right)};
    }

    // Every key of `left` is less than every key of `right`.
    static Pointer joined(const Pointer& left, const Pointer& right) {
        if (left == nullptr) return right;
        if (right == nullptr) return left;
        if (left->priority > right->priority) return with_children(left, left->left, joined(left->right, right));
        return with_children(right, joined(left, right->left), right->right);
    }

    template <class K, class Visit>
    static bool visit_from(const Node* node, const K& first, Visit& visit) {
        if (node == nullptr) return true;
        if (node->key < first) return visit_from(node->right.get(), first, visit);
        if (!visit_from(node->left.get(), first, visit) || !visit(node->key, node->value)) return false;
        return visit_all(node->right.get(), visit);
    }
    template <class Visit>
    static bool visit_all(const Node* node, Visit& visit) {
        if (node == nullptr) return true;
        return visit_all(node->left.get(), visit) && visit(node->key, node->value) &&
               visit_all(node->right.get(), visit);
    }

    Pointer root_;
};

}  // namespace riacho
