"""
The file backend: a camera that plays a picture, an animation or a video.

The file is read, decoded and scaled in a helper process (`process`, `readers`, `canvas`); the
device (`source`) only copies finished frames out of memory that both share.
"""
