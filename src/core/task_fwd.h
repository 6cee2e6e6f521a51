// Task<T> for declarations: 0.1 s per unit where <boost/asio/awaitable.hpp> costs 1.6 s. Include core/task.h to define
// coroutines.
#pragma once

namespace boost::asio {
template <typename T, typename Executor>
class awaitable;
class any_io_executor;
}  // namespace boost::asio

namespace riacho {
// A coroutine that runs on the core it was started on. It must be awaited, or handed to core::spawn.
template <class T>
using Task = boost::asio::awaitable<T, boost::asio::any_io_executor>;
}  // namespace riacho
