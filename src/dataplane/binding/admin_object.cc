#include "binding/admin_object.h"

#include <string>
#include <utility>

#include "binding/convert.h"
#include "contract/contract.generated.h"

namespace longhaul {

napi_value AdminObject::Define(napi_env env) {
  static constexpr Method kMethods[] = {
      {"call", Call}, {"setToken", SetToken}, {"close", Close}};
  return DefineClass(env, "AdminObject", New, kMethods);
}

AdminObject::AdminObject(napi_env env, std::unique_ptr<Admin> admin)
    : env_(env), admin_(std::move(admin)) {}

// Runs when the object is collected: no call is pending then, and the destructor waits only for
// librdkafka's threads. To avoid the wait, call close() before the object is collected.
AdminObject::~AdminObject() {
  admin_.reset();
  if (hooked_) (void)napi_remove_env_cleanup_hook(env_, OnEnvironmentEnd, this);
  // Abort: a queued notification is dropped, because it would use this object after its end.
  if (notify_ != nullptr) (void)napi_release_threadsafe_function(notify_, napi_tsfn_abort);
  if (self_ != nullptr) (void)napi_delete_reference(env_, self_);
}

napi_value AdminObject::New(napi_env env, napi_callback_info info) {
  CallInfo call;
  if (!ReadCall(env, info, &call)) return nullptr;
  if (!call.is_new) {
    (void)napi_throw_type_error(env, nullptr, "AdminObject is a class: use new");
    return nullptr;
  }
  ClientProperties properties;
  std::unique_ptr<Admin> admin;
  Status status = ReadStringMap(env, call.arguments[0], &properties);
  if (status.ok()) status = Admin::Open(properties, &admin);
  if (!status.ok()) {
    ThrowStatus(env, status);
    return nullptr;
  }
  std::unique_ptr<AdminObject> object(new AdminObject(env, std::move(admin)));
  if (!object->Attach(call.receiver)) return nullptr;
  (void)object.release();  // the receiver's finalizer owns it from here on
  return call.receiver;
}

bool AdminObject::Attach(napi_value receiver) {
  napi_value name = nullptr;
  if (napi_create_string_utf8(env_, "longhaul.admin", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env_, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                      OnNotified, &notify_) != napi_ok) {
    return false;
  }
  (void)napi_unref_threadsafe_function(env_, notify_);
  // Added after the thread-safe function, whose own hook therefore runs later (hooks run last in,
  // first out): the admin thread must end before the function that it calls.
  hooked_ = napi_add_env_cleanup_hook(env_, OnEnvironmentEnd, this) == napi_ok;
  auto finalize = [](napi_env, void* native, void*) { delete static_cast<AdminObject*>(native); };
  return hooked_ && WrapTagged(env_, receiver, this, finalize, &self_);
}

AdminObject* AdminObject::Begin(napi_env env, napi_callback_info info, CallInfo* call,
                                napi_deferred* deferred, napi_value* promise) {
  if (!ReadCall(env, info, call)) return nullptr;
  auto* object = UnwrapTagged<AdminObject>(env, call->receiver);
  if (object == nullptr) return nullptr;
  return napi_create_promise(env, deferred, promise) == napi_ok ? object : nullptr;
}

napi_value AdminObject::Call(napi_env env, napi_callback_info info) {
  CallInfo call;
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  AdminObject* object = Begin(env, info, &call, &deferred, &promise);
  if (object == nullptr) return nullptr;
  object->StartCall(call, deferred);
  return promise;
}

void AdminObject::StartCall(const CallInfo& call, napi_deferred deferred) {
  if (admin_ == nullptr || closing_) {
    Settle(deferred, Status::Error(kErrorClosed, "the admin client is closed"), Value());
    return;
  }
  std::string name;
  int32_t timeout_ms = 0;
  Value arguments;
  Status status = Status::Ok();
  if (!ToString(env_, call.arguments[0], &name) || !ToInt32(env_, call.arguments[2], &timeout_ms)) {
    status = Status::Error(kErrorInvalidArgument, "call needs a name, arguments and a timeout");
  } else {
    status = ToValue(env_, call.arguments[1], &arguments);
  }
  // A getter among the arguments may have called close().
  if (status.ok() && closing_) status = Status::Error(kErrorClosed, "the admin client is closed");
  if (status.ok()) {
    const uint64_t id = ++next_id_;
    status = admin_->Submit(std::move(name), std::move(arguments), timeout_ms,
                            [this, id](Status done, Value value) {
                              PostCompleted({id, std::move(done), std::move(value)});
                            });
    if (status.ok()) {
      pending_.emplace(id, deferred);
      HoldWhile(true);
      return;
    }
  }
  Settle(deferred, status, Value());
}

napi_value AdminObject::SetToken(napi_env env, napi_callback_info info) {
  CallInfo call;
  if (!ReadCall(env, info, &call)) return nullptr;
  auto* object = UnwrapTagged<AdminObject>(env, call.receiver);
  if (object == nullptr) return nullptr;
  std::string token;
  Status status = Status::Ok();
  if (!ToString(env, call.arguments[0], &token)) {
    status = Status::Error(kErrorInvalidArgument, "setToken needs a token");
  } else if (object->admin_ == nullptr) {
    status = Status::Error(kErrorClosed, "the admin client is closed");
  } else {
    status = object->admin_->SetToken(token);
  }
  if (!status.ok()) ThrowStatus(env, status);
  return nullptr;
}

napi_value AdminObject::Close(napi_env env, napi_callback_info info) {
  CallInfo call;
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  AdminObject* object = Begin(env, info, &call, &deferred, &promise);
  if (object == nullptr) return nullptr;
  if (object->admin_ == nullptr) {
    object->Settle(deferred, Status::Ok(), Value());
    return promise;
  }
  object->closers_.push_back(deferred);
  object->HoldWhile(true);
  if (!object->closing_) {
    object->closing_ = true;
    object->admin_->RequestClose([object] { object->PostClosed(); });
  }
  return promise;
}

void AdminObject::Settle(napi_deferred deferred, const Status& status, const Value& value) {
  Napi::HandleScope scope(env_);
  // If the environment is ending, both calls fail, which nobody needs to know.
  if (!status.ok()) {
    napi_value failure = FromStatus(env_, status);
    if (failure != nullptr) (void)napi_reject_deferred(env_, deferred, failure);
    return;
  }
  napi_value result = FromValue(env_, value);
  if (result != nullptr) (void)napi_resolve_deferred(env_, deferred, result);
}

void AdminObject::PostCompleted(Completed completed) {
  std::lock_guard lock(mutex_);
  completed_.push_back(std::move(completed));
  Notify();
}

void AdminObject::PostClosed() {
  std::lock_guard lock(mutex_);
  closed_posted_ = true;
  Notify();
}

// At most one notification is queued at a time, however many results there are. It has no data, so
// the queue of the thread-safe function never holds more than one empty entry.
void AdminObject::Notify() {
  if (notified_) return;
  notified_ = true;
  (void)napi_call_threadsafe_function(notify_, nullptr, napi_tsfn_nonblocking);
}

void AdminObject::OnNotified(napi_env env, napi_value, void* context, void*) {
  // Without an environment, Node-API is emptying the queue of an aborted function: the object may
  // no longer exist.
  if (env != nullptr) static_cast<AdminObject*>(context)->Drain();
}

void AdminObject::Drain() {
  std::vector<Completed> completed;
  bool closed = false;
  {
    std::lock_guard lock(mutex_);
    notified_ = false;
    completed.swap(completed_);
    closed = closed_posted_;
  }
  for (const Completed& one : completed) {
    auto found = pending_.find(one.id);
    if (found == pending_.end()) continue;
    napi_deferred deferred = found->second;
    pending_.erase(found);
    Settle(deferred, one.status, one.value);
  }
  if (closed && admin_ != nullptr) FinishClose();
  HoldWhile(!pending_.empty() || !closers_.empty());
}

void AdminObject::FinishClose() {
  // The admin thread has ended or is inside Notify: join it first, so that the release below is
  // safe.
  admin_.reset();
  for (napi_deferred deferred : closers_) Settle(deferred, Status::Ok(), Value());
  closers_.clear();
  HoldWhile(false);
  (void)napi_release_threadsafe_function(notify_, napi_tsfn_abort);
  notify_ = nullptr;
  (void)napi_remove_env_cleanup_hook(env_, OnEnvironmentEnd, this);
  hooked_ = false;
}

void AdminObject::HoldWhile(bool busy) {
  if (busy == held_ || notify_ == nullptr) return;
  held_ = busy;
  uint32_t ignored = 0;
  if (busy) {
    (void)napi_ref_threadsafe_function(env_, notify_);
    (void)napi_reference_ref(env_, self_, &ignored);
  } else {
    (void)napi_unref_threadsafe_function(env_, notify_);
    (void)napi_reference_unref(env_, self_, &ignored);
  }
}

void AdminObject::OnEnvironmentEnd(void* object) {
  auto* self = static_cast<AdminObject*>(object);
  self->hooked_ = false;
  self->admin_.reset();  // waits for the thread, which must not outlive the environment
  // The environment closes the thread-safe function in its own hook, which runs after this one.
  self->notify_ = nullptr;
}

}  // namespace longhaul
