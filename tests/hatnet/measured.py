"""Measurements that nobody made, for the tests of what is computed from them."""

from hatnet.speed import FORWARD, Header, Layer, Point, Setting

HEADER = Header(
    device="a processor", kind="cpu", threads=2, load=0.1, date="2026-11-28", command="make bench", python="3.11", torch="2.14", timm="1.0"
)
SETTING = Setting(work=FORWARD, pixels=224, batch=8, numbers="float32")


def point(model="hatnet_tiny", origin="hatnet", conv_linear=3_000, attention=1_000, seconds=(2.0, 4.0, 1.0), setting=SETTING, **more):
    fields = dict(parameters=5, channels_last=True, peak_bytes=7) | more
    return Point(
        setting=setting, model=model, origin=origin, conv_linear=conv_linear, attention=attention, seconds=tuple(seconds), **fields
    )


def layer(mechanism, side, seconds, peak_bytes=10, **more):
    fields = dict(pixels=4 * side, channels=48, g1=8, g2=8, numbers="float32") | more
    return Layer(mechanism=mechanism, side=side, seconds=tuple(seconds), peak_bytes=peak_bytes, **fields)
