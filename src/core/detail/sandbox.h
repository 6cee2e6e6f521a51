// What a sandboxed child may not do: a filter of system calls (seccomp) and rules for files (Landlock).
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "core/descriptor.h"

namespace riacho::core {

// A program for SECCOMP_SET_MODE_FILTER. Refuses to create sockets, processes and IPC objects; to write, create,
// remove, rename or change files; to signal or inspect other processes; to change namespaces, mounts, clocks or the
// kernel. Threads, and the one execve that starts the child, are allowed: what it starts is held by the same rules.
std::vector<sock_filter> make_system_call_filter();

// A Landlock ruleset for a program: it may read and execute what is below /usr, /lib, /lib64 and /bin, itself, and what
// the dynamic loader and C libraries read. Closed where the kernel has no Landlock: file permissions alone then decide
// what it may read. The error is an errno.
Expected<Descriptor, int> make_file_rules(const std::string& program);

}  // namespace riacho::core
