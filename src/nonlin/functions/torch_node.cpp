// The node of an activation function in PyTorch's graph of gradients. `torch_lowering.py` has the same in Python, for
// every case; this one costs 5 µs less, takes tensors that are plain memory with nobody looking on, and leaves the rest
// to that one. The loops are the compiled ones, called with a size and addresses.

#include <ATen/PythonTorchFunctionTLS.h>
#include <ATen/SavedTensorHooks.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/utils/pybind.h>

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

PyObject *float32, *float64;  // torch's names of the types

// Whether a tensor is memory that a loop takes as it is, and no transformation, mode or tracer wants to see it.
bool is_plain(const Tensor& t) {
  if (t.layout() != at::kStrided || !t.is_contiguous() || t.is_neg()) return false;
  if (t.scalar_type() != at::kFloat && t.scalar_type() != at::kDouble) return false;
  const auto local = c10::impl::tls_local_dispatch_key_set();
  const auto first = ((t.key_set() | local.included_) - local.excluded_).highestPriorityTypeId();
  using Key = c10::DispatchKey;
  return first == Key::AutogradCPU || first == Key::ADInplaceOrView || first == Key::CPU;
}

void run(PyObject* loop, const Tensor& x, std::initializer_list<const Tensor*> others) {
  PyObject* arguments[4];  // the size, x and at most two more
  size_t count = 0;
  arguments[count++] = PyLong_FromLongLong(x.numel());
  arguments[count++] = PyLong_FromVoidPtr(x.data_ptr());
  for (const Tensor* other : others) arguments[count++] = PyLong_FromVoidPtr(other->data_ptr());
  const auto result = py::reinterpret_steal<py::object>(PyObject_Vectorcall(loop, arguments, count, nullptr));
  for (size_t k = 0; k < count; ++k) Py_XDECREF(arguments[k]);
  if (!result) throw python_error();
}

// What evaluates one function: loops by the type of the numbers, as `Loops` in torch_loops.py has them. One that is
// not there yet is compiled on Python's way.
struct Activation : torch::CustomClassHolder {
  py::object values, pairs, pulls, scales, otherwise, gradient;
  bool cheap;

  Activation(const py::object& loops, py::object scales, py::object otherwise, py::object gradient)
      : values(loops.attr("values")), pairs(loops.attr("pairs")), pulls(loops.attr("pulls")),
        scales(std::move(scales)), otherwise(std::move(otherwise)), gradient(std::move(gradient)),
        cheap(loops.attr("cheap").cast<bool>()) {}

  ~Activation() override {  // the last node may go in a thread that does not hold the interpreter
    py::gil_scoped_acquire held;
    for (auto* owned : {&values, &pairs, &pulls, &scales, &otherwise, &gradient}) *owned = py::object();
  }
};

PyObject* loop_for(const Tensor& x, const py::object& loops) {
  return PyDict_GetItem(loops.ptr(), x.scalar_type() == at::kFloat ? float32 : float64);
}

struct Lowered : torch::autograd::Function<Lowered> {
  static Tensor forward(AutogradContext* context, const Tensor& x, c10::intrusive_ptr<Activation> activation) {
    context->save_for_backward({x});
    auto result = at::empty_like(x);
    if (activation->cheap) {
      run(loop_for(x, activation->values), x, {&result});
    } else {
      auto slope = at::empty_like(x);
      run(loop_for(x, activation->pairs), x, {&result, &slope});
      context->saved_data["slope"] = std::move(slope);
    }
    context->saved_data["activation"] = c10::IValue::make_capsule(std::move(activation));
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    py::gil_scoped_acquire held;
    const auto activation =
        c10::static_intrusive_pointer_cast<Activation>(context->saved_data["activation"].toCapsule());
    const Tensor& gradient = gradients[0];
    const bool again = at::GradMode::is_enabled();  // this gradient is to be differentiated, too
    const bool plain = !again && is_plain(gradient);
    if (!activation->cheap && !again && context->saved_data.count("slope")) {
      const Tensor slope = context->saved_data["slope"].toTensor();
      context->saved_data.erase("slope");  // the product goes into its memory
      if (!plain || gradient.scalar_type() != slope.scalar_type()) return {at::mul(gradient, slope), Tensor()};
      run(loop_for(slope, activation->scales), slope, {&gradient});
      return {slope, Tensor()};
    }
    const Tensor x = context->get_saved_variables()[0];
    PyObject* const pull = loop_for(x, activation->pulls);
    if (!(plain && pull && activation->cheap) || gradient.scalar_type() != x.scalar_type())
      return {activation->gradient(x, gradient).cast<Tensor>(), Tensor()};
    auto result = at::empty_like(x);
    run(pull, x, {&gradient, &result});
    return {result, Tensor()};
  }
};

PyObject* call(PyObject* self, PyObject* given) {
  HANDLE_TH_ERRORS
  auto* const activation = static_cast<Activation*>(PyCapsule_GetPointer(self, nullptr));
  if (THPVariable_CheckExact(given) && !at::impl::torch_function_mode_enabled()) {
    const Tensor& x = THPVariable_Unpack(given);
    const bool recorded = x.requires_grad() && at::GradMode::is_enabled();
    const bool packed = recorded && !at::SavedTensorDefaultHooks::get_tls_state().stack.empty();
    if (is_plain(x) && !x._fw_grad(0).defined() && !packed) {
      PyObject* const loop = loop_for(x, recorded && !activation->cheap ? activation->pairs : activation->values);
      if (loop && recorded) {
        auto shared = c10::intrusive_ptr<Activation>::unsafe_reclaim_from_nonowning(activation);
        return THPVariable_Wrap(Lowered::apply(x, std::move(shared)));
      }
      if (loop) {
        auto result = at::empty_like(x);
        run(loop, x, {&result});
        return THPVariable_Wrap(result);
      }
    }
  }
  return PyObject_CallOneArg(activation->otherwise.ptr(), given);
  END_HANDLE_TH_ERRORS
}

PyMethodDef definition = {"activation", call, METH_O, "Evaluate an activation function on a tensor."};

py::object activation(py::object loops, py::object scales, py::object otherwise, py::object gradient) {
  auto made = c10::make_intrusive<Activation>(loops, scales, otherwise, gradient);
  const py::capsule self(made.release(), [](void* owned) {
    c10::intrusive_ptr<Activation>::reclaim(static_cast<Activation*>(owned));
  });
  return py::reinterpret_steal<py::object>(PyCFunction_New(&definition, self.ptr()));
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
  const auto torch = py::module_::import("torch");
  float32 = py::object(torch.attr("float32")).release().ptr();
  float64 = py::object(torch.attr("float64")).release().ptr();
  module.def("activation", &activation);
}
