#include "platform/rocksdb/rocks_env.hpp"

#include <rocksdb/file_system.h>

#include <cerrno>
#include <cstring>

#include "core/kill_point.hpp"

namespace graphite {

namespace {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// RocksDB words errno by strerror and keeps no number.
IOStatus with_quota_as_space(IOStatus status) {
  if (!status.IsIOError() || status.subcode() == rocksdb::Status::kNoSpace) return status;
  if (status.ToString().find(std::strerror(EDQUOT)) == std::string::npos) return status;
  return IOStatus::NoSpace("disk quota exceeded");
}

IOStatus injected(const rocks_fault& fault, std::string_view operation) {
  const int code = fault ? fault(operation) : 0;
  if (code == 0) return IOStatus::OK();
  if (code == ENOSPC) return IOStatus::NoSpace(std::strerror(code));
  return with_quota_as_space(IOStatus::IOError(std::string(operation), std::strerror(code)));
}

class watched_file final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  watched_file(std::unique_ptr<FSWritableFile> file, const rocks_fault& fault, bool needs_sync)
      : FSWritableFileOwnerWrapper(std::move(file)), fault_(fault), needs_sync_(needs_sync) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override {
    return around_append([&] { return FSWritableFileOwnerWrapper::Append(data, options, dbg); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* dbg) override {
    return around_append([&] { return FSWritableFileOwnerWrapper::Append(data, options, info, dbg); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
    return around_sync([&] { return FSWritableFileOwnerWrapper::Sync(options, dbg); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return around_sync([&] { return FSWritableFileOwnerWrapper::Fsync(options, dbg); });
  }

 private:
  template <class Call>
  IOStatus around_append(Call call) {
    GRAPHITE_KILL_POINT("rocksdb.before_file_append");
    if (auto fault = injected(fault_, "append"); !fault.ok()) return fault;
    auto status = with_quota_as_space(call());
    GRAPHITE_KILL_POINT("rocksdb.after_file_append");
    return status;
  }
  template <class Call>
  IOStatus around_sync(Call call) {
    if (!needs_sync_) return IOStatus::OK();
    GRAPHITE_KILL_POINT("rocksdb.before_file_sync");
    if (auto fault = injected(fault_, "sync"); !fault.ok()) return fault;
    auto status = with_quota_as_space(call());
    GRAPHITE_KILL_POINT("rocksdb.after_file_sync");
    return status;
  }

  const rocks_fault& fault_;
  const bool needs_sync_;
};

/// The options as a file are for people; every open writes one and would wait for the disk.
bool needs_sync(const std::string& name) { return name.find("/OPTIONS-") == std::string::npos; }

class watched_file_system final : public rocksdb::FileSystemWrapper {
 public:
  explicit watched_file_system(rocks_fault fault)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), fault_(std::move(fault)) {}

  const char* Name() const override { return "graphite"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* out, IODebugContext* dbg) override {
    return wrap(FileSystemWrapper::NewWritableFile(name, options, out, dbg), name, out);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<FSWritableFile>* out, IODebugContext* dbg) override {
    return wrap(FileSystemWrapper::ReopenWritableFile(name, options, out, dbg), name, out);
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name, const FileOptions& options,
                             std::unique_ptr<FSWritableFile>* out, IODebugContext* dbg) override {
    return wrap(FileSystemWrapper::ReuseWritableFile(name, old_name, options, out, dbg), name, out);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* dbg) override {
    GRAPHITE_KILL_POINT("rocksdb.before_rename");
    auto status = with_quota_as_space(FileSystemWrapper::RenameFile(from, to, options, dbg));
    GRAPHITE_KILL_POINT("rocksdb.after_rename");
    return status;
  }

 private:
  IOStatus wrap(IOStatus status, const std::string& name, std::unique_ptr<FSWritableFile>* out) {
    if (status.ok()) *out = std::make_unique<watched_file>(std::move(*out), fault_, needs_sync(name));
    return with_quota_as_space(std::move(status));
  }

  rocks_fault fault_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_rocks_env(rocks_fault fault) {
  return rocksdb::NewCompositeEnv(std::make_shared<watched_file_system>(std::move(fault)));
}

}  // namespace graphite
