#pragma once

#include <rocksdb/env.h>

#include <functional>
#include <memory>
#include <string_view>

namespace graphite {

/// Asked before each append and sync of RocksDB ("append", "sync"); what it returns, if not 0, is the errno
/// the call fails with. For tests.
using rocks_fault = std::function<int(std::string_view operation)>;

/// RocksDB's file system with our kill points in it, EDQUOT told as "no space" (RocksDB knows only ENOSPC),
/// and faults for tests.
std::unique_ptr<rocksdb::Env> make_rocks_env(rocks_fault fault);

}  // namespace graphite
