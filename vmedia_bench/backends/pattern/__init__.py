"""
The pattern backend: an emulated camera that shows test pictures.

A picture is a few distinct pixel rows and a list of runs that repeat them. Everything dear
(rendering, controls, colour conversion) is done once a change on those few rows; a frame is then
copied from banks of repeated rows. See `scene`, `raster` and `mjpeg`.
"""
