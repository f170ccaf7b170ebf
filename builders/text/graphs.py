"""PP-OCR's networks as engines: bytes in, and no more out than the steps need.

The recogniser loops over groups of lines inside its graph, as rapidocr does outside: a line is read beside the same
others at the same width, so the texts are the same, and a photo of many lines needs the memory of one group.
"""

from copy import deepcopy

import onnx
from onnx import GraphProto, ModelProto, parser

from vitrine_steps.reading.sizes import LINE_HEIGHT_PX, LINES_A_GROUP

_NETWORK = "Network"
"""Operator that stands for the whole network."""
_HEAD = '<ir_version: 10, opset_import: ["" : 11, "vitrine" : 1]>'
_DETECTOR = f"""{_HEAD}
text_detector (uint8[1, height, width, 3] TEXT_PIXELS) => (float[1, height, width] TEXT_MAP)
<float full = {{255.0}}, float half = {{0.5}}>
{{
  bytes_as_floats = Cast <to = 1> (TEXT_PIXELS)
  shares = Div (bytes_as_floats, full)
  centred = Sub (shares, half)
  normal = Div (centred, half)
  pixels = Transpose <perm = [0, 3, 1, 2]> (normal)
  found = vitrine.{_NETWORK} (pixels)
  TEXT_MAP = Squeeze <axes = [1]> (found)
}}
"""
_RECOGNISER = f"""{_HEAD}
text_recogniser (
  uint8[1, lines, {LINE_HEIGHT_PX}, width, 3] LINE_PIXELS, int32[1, lines] LINE_WIDTH, int32[1, groups] GROUP_WIDTH
) => (int32[1, lines, positions] CHARACTER_IDS, float[1, lines, positions] CHARACTER_PROBABILITIES)
<float full = {{255.0}}, float half = {{0.5}}, float none = {{0.0}}, int32 no_pixels = {{0}},
 int64 zero = {{0}}, int64 one = {{1}}, int64 rows = {{{LINES_A_GROUP}}}, int64 stride = {{8}},
 int64[1] first = {{0}}, int64[1] single = {{1}}, int64[1] third = {{2}}, int64[1] group = {{{LINES_A_GROUP}}},
 int64[2] corner = {{0, 0}}, int64[2] rows_and_columns = {{0, 2}}, int64[2] before = {{0, 0}},
 int64[1] every = {{-1}}, bool yes = {{1}}>
{{
  lines_pixels = Squeeze <axes = [0]> (LINE_PIXELS)
  lines_width = Squeeze <axes = [0]> (LINE_WIDTH)
  groups_width = Squeeze <axes = [0]> (GROUP_WIDTH)
  groups_shape = Shape (groups_width)
  group_count = Squeeze <axes = [0]> (groups_shape)
  pixels_shape = Shape (lines_pixels)
  full_width = Gather <axis = 0> (pixels_shape, third)
  stride_1 = Unsqueeze <axes = [0]> (stride)
  steps = Div (full_width, stride_1)
  most_positions = Add (steps, single)
  grouped_ids, grouped_probabilities = Loop (group_count, yes) <body = one_group
    (int64 number, bool goes_on) => (bool goes_on_too, int32[rows, positions] ids, float[rows, positions] probabilities)
  {{
    goes_on_too = Identity (goes_on)
    start = Mul (number, rows)
    start_1 = Unsqueeze <axes = [0]> (start)
    end_1 = Add (start_1, group)
    widths_of_six = Slice (lines_width, start_1, end_1, first)
    pixels_of_six = Slice (lines_pixels, start_1, end_1, first)
    width_of_group = Gather <axis = 0> (groups_width, number)
    width_of_group_long = Cast <to = 7> (width_of_group)
    columns = Unsqueeze <axes = [0]> (width_of_group_long)
    is_line = Greater (widths_of_six, no_pixels)
    lines_as_numbers = Cast <to = 7> (is_line)
    lines_there = ReduceSum <axes = [0], keepdims = 1> (lines_as_numbers)
    cut = Concat <axis = 0> (lines_there, columns)
    some_pixels = Slice (pixels_of_six, corner, cut, rows_and_columns)
    some_widths = Slice (widths_of_six, first, lines_there, first)
    bytes_as_floats = Cast <to = 1> (some_pixels)
    shares = Div (bytes_as_floats, full)
    centred = Sub (shares, half)
    normal = Div (centred, half)
    some_shape = Shape (some_pixels)
    some_columns = Gather <axis = 0> (some_shape, third)
    column_count = Squeeze <axes = [0]> (some_columns)
    column_numbers = Range (zero, column_count, one)
    column_numbers_32 = Cast <to = 6> (column_numbers)
    widths_up = Unsqueeze <axes = [1]> (some_widths)
    is_inside = Less (column_numbers_32, widths_up)
    is_inside_wide = Unsqueeze <axes = [1, 3]> (is_inside)
    padded = Where (is_inside_wide, normal, none)
    pixels = Transpose <perm = [0, 3, 1, 2]> (padded)
    found = vitrine.{_NETWORK} (pixels)
    likeliest = ArgMax <axis = 2, keepdims = 0> (found)
    likeliest_32 = Cast <to = 6> (likeliest)
    probability = ReduceMax <axes = [2], keepdims = 0> (found)
    found_shape = Shape (likeliest)
    wanted_shape = Concat <axis = 0> (group, most_positions)
    missing = Sub (wanted_shape, found_shape)
    pads = Concat <axis = 0> (before, missing)
    ids = Pad (likeliest_32, pads, no_pixels)
    probabilities = Pad (probability, pads, none)
  }}>
  all_shape = Concat <axis = 0> (every, most_positions)
  flat_ids = Reshape (grouped_ids, all_shape)
  flat_probabilities = Reshape (grouped_probabilities, all_shape)
  CHARACTER_IDS = Unsqueeze <axes = [0]> (flat_ids)
  CHARACTER_PROBABILITIES = Unsqueeze <axes = [0]> (flat_probabilities)
}}
"""
_WHOLE_GROUPS = (
    ("Slice (pixels_of_six, corner, cut, rows_and_columns)", "Identity (pixels_of_six)"),
    ("Slice (widths_of_six, first, lines_there, first)", "Identity (widths_of_six)"),
    ("int64[2] corner = {0, 0}, int64[2] rows_and_columns = {0, 2}, ", ""),
)
"""Replacements where groups are not cut."""


def detector_graph(network: ModelProto) -> ModelProto:
    """From a photo in BGR, TEXT_PIXELS, to the probability of text at each place, TEXT_MAP."""
    return _with_network(_DETECTOR, network)


def recogniser_graph(network: ModelProto, *, is_cut: bool) -> ModelProto:
    """From lines to their characters, each with its probability.

    Args:
        is_cut: True: a group is cut to its own lines and width before the network reads it, as rapidocr does. False:
            every group is read at the full width, because inside a loop TensorRT takes no shape that changes.
    """
    text = _RECOGNISER
    for cut, whole in () if is_cut else _WHOLE_GROUPS:
        text = text.replace(cut, whole)
    return _with_network(text, network)


def _with_network(text: str, network: ModelProto) -> ModelProto:
    model = parser.parse_model(text)
    del model.opset_import[1:]
    model.opset_import[0].version = network.opset_import[0].version
    model.graph.initializer.extend(network.graph.initializer)
    _put_in(model.graph, network.graph)
    onnx.checker.check_model(model, full_check=False)
    return model


def _put_in(graph: GraphProto, network: GraphProto) -> None:
    """Replace the node that stands for the network, in a graph or in one within it."""
    for place, node in enumerate(graph.node):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                _put_in(attribute.g, network)
        if node.op_type != _NETWORK:
            continue
        renamed = {network.input[0].name: node.input[0], network.output[0].name: node.output[0]}
        after = list(graph.node)[place + 1 :]
        del graph.node[place:]
        for own in network.node:
            copied = deepcopy(own)
            copied.input[:] = [renamed.get(name, name) for name in own.input]
            copied.output[:] = [renamed.get(name, name) for name in own.output]
            graph.node.append(copied)
        graph.node.extend(after)
        return
