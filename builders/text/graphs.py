"""PP-OCR's networks as engines: bytes in, and no more out than the steps need.

The recogniser loops over groups of lines inside its graph, as rapidocr does outside: a line is read beside the same
others at the same width, so the texts are the same, and a photo of many lines needs the memory of one group.
"""

from collections.abc import Iterator
from copy import deepcopy

import onnx
from onnx import GraphProto, ModelProto, TensorProto, helper, parser

from vitrine_steps.reading.sizes import LINE_HEIGHT_PX, LINES_A_GROUP

STRIDE_PX = 8
"""Pixels of a line's width that become one position of its text."""

_AXES_ARE_INPUT_FROM = {"Squeeze": 13, "Unsqueeze": 13, "ReduceSum": 13, "ReduceMax": 18}
"""Version of ONNX's operators from which on their axes are an input."""
_NETWORK = "Network"
"""Operator that stands for the whole network."""
_HEAD = '<ir_version: 10, opset_import: ["" : 11, "vitrine" : 1]>'
_NORMALISED = """
  shares = Div (floats, full)
  centred = Sub (shares, half)
  normal = Div (centred, half)"""
_DETECTOR = f"""{_HEAD}
text_detector (uint8[1, height, width, 3] TEXT_PIXELS) => (float[1, height, width] TEXT_MAP)
<float full = {{255.0}}, float half = {{0.5}}>
{{
  floats = Cast <to = 1> (TEXT_PIXELS){_NORMALISED}
  pixels = Transpose <perm = [0, 3, 1, 2]> (normal)
  found = vitrine.{_NETWORK} (pixels)
  TEXT_MAP = Squeeze <axes = [1]> (found)
}}
"""
_INPUTS = f"""uint8[1, lines, {LINE_HEIGHT_PX}, width, 3] LINE_PIXELS, int32[1, lines] LINE_WIDTH,
  int32[1, groups] GROUP_WIDTH"""
_OUTPUTS = "int32[1, lines, positions] CHARACTER_IDS, float[1, lines, positions] CHARACTER_PROBABILITIES"
_TABLE = f"""float full = {{255.0}}, float half = {{0.5}}, float none = {{0.0}}, int32 no_pixels = {{0}},
 int64 zero = {{0}}, int64 one = {{1}}, int64[1] at_0 = {{0}}, int64[1] at_1 = {{1}}, int64[1] at_2 = {{2}},
 int64[1] at_3 = {{3}}, int64[1] at_4 = {{4}}, int64[1] at_5 = {{5}}, int64[1] every = {{-1}},
 int64[1] stride = {{{STRIDE_PX}}}, int64[1] group = {{{LINES_A_GROUP}}}, int64[2] by_group = {{-1, {LINES_A_GROUP}}},
 int64[2] corner = {{0, 0}}, int64[2] rows_and_columns = {{0, 2}}, bool yes = {{1}}"""
"""Constants of both graphs, by what they stand for."""
_CHARACTERS = f"""
    found = vitrine.{_NETWORK} (pixels)
    likeliest = ArgMax <axis = 2, keepdims = 0> (found)
    likeliest_32 = Cast <to = 6> (likeliest)
    probability = ReduceMax <axes = [2], keepdims = 0> (found)"""
_FLAT = """
  groups_shape = Shape (grouped_ids)
  positions_1 = Slice (groups_shape, at_2, at_3)
  flat_shape = Concat <axis = 0> (every, positions_1)
  flat_ids = Reshape (grouped_ids, flat_shape)
  flat_probabilities = Reshape (grouped_probabilities, flat_shape)"""


def _masked(pixels: str, widths: str) -> str:
    """Make floats around 0 of pixels [N, 48, W, 3], 0 beyond each line's own width: [N, 3, 48, W], named `pixels`."""
    return f"""
  floats = Cast <to = 1> ({pixels}){_NORMALISED}
  shape_here = Shape ({pixels})
  columns_here_1 = Slice (shape_here, at_2, at_3)
  columns_here = Squeeze <axes = [0]> (columns_here_1)
  column_numbers = Range (zero, columns_here, one)
  column_numbers_32 = Cast <to = 6> (column_numbers)
  widths_up = Unsqueeze <axes = [1]> ({widths})
  is_inside = Less (column_numbers_32, widths_up)
  is_inside_up = Unsqueeze <axes = [1, 3]> (is_inside)
  padded = Where (is_inside_up, normal, none)
  pixels = Transpose <perm = [0, 3, 1, 2]> (padded)"""


_EACH_GROUP_CUT = f"""{_HEAD}
text_recogniser ({_INPUTS}) => ({_OUTPUTS})
<{_TABLE}>
{{
  given_shape = Shape (LINE_PIXELS)
  line_shape = Slice (given_shape, at_2, at_5)
  by_group_shape = Concat <axis = 0> (by_group, line_shape)
  grouped_pixels = Reshape (LINE_PIXELS, by_group_shape)
  grouped_widths = Reshape (LINE_WIDTH, by_group)
  groups_width = Squeeze <axes = [0]> (GROUP_WIDTH)
  full_width = Slice (given_shape, at_3, at_4)
  steps = Div (full_width, stride)
  most_positions = Add (steps, at_1)
  wanted_shape = Concat <axis = 0> (group, most_positions)
  groups_there = Shape (groups_width)
  group_count = Squeeze <axes = [0]> (groups_there)
  grouped_ids, grouped_probabilities = Loop (group_count, yes) <body = one_group (int64 number, bool goes_on) => (
      bool goes_on_too, int32[{LINES_A_GROUP}, positions] ids, float[{LINES_A_GROUP}, positions] probabilities
    )
  {{
    goes_on_too = Identity (goes_on)
    group_pixels = Gather <axis = 0> (grouped_pixels, number)
    group_widths = Gather <axis = 0> (grouped_widths, number)
    group_width = Gather <axis = 0> (groups_width, number)
    group_width_64 = Cast <to = 7> (group_width)
    columns = Unsqueeze <axes = [0]> (group_width_64)
    is_line = Greater (group_widths, no_pixels)
    is_line_64 = Cast <to = 7> (is_line)
    lines_there = ReduceSum <axes = [0], keepdims = 1> (is_line_64)
    cut = Concat <axis = 0> (lines_there, columns)
    cut_pixels = Slice (group_pixels, corner, cut, rows_and_columns)
    cut_widths = Slice (group_widths, at_0, lines_there, at_0){_masked("cut_pixels", "cut_widths")}{_CHARACTERS}
    found_shape = Shape (likeliest)
    missing = Sub (wanted_shape, found_shape)
    pads = Concat <axis = 0> (corner, missing)
    ids = Pad (likeliest_32, pads, no_pixels)
    probabilities = Pad (probability, pads, none)
  }}>{_FLAT}
  CHARACTER_IDS = Unsqueeze <axes = [0]> (flat_ids)
  CHARACTER_PROBABILITIES = Unsqueeze <axes = [0]> (flat_probabilities)
}}
"""
_GROUPS_AS_WIDE = f"""{_HEAD}
text_recogniser ({_INPUTS}) => ({_OUTPUTS})
<{_TABLE}>
{{
  given = Cast <to = 1> (LINE_PIXELS)
  lines_pixels = Squeeze <axes = [0]> (given)
  lines_width = Squeeze <axes = [0]> (LINE_WIDTH)
  groups_width = Squeeze <axes = [0]> (GROUP_WIDTH){_masked("lines_pixels", "lines_width")}
  pixels_shape = Shape (pixels)
  line_shape = Slice (pixels_shape, at_1, at_4)
  by_group_shape = Concat <axis = 0> (by_group, line_shape)
  grouped_pixels = Reshape (pixels, by_group_shape)
  groups_there = Shape (groups_width)
  group_count = Squeeze <axes = [0]> (groups_there)
  all_ids, grouped_probabilities = Loop (group_count, yes) <body = one_group (int64 number, bool goes_on) => (
      bool goes_on_too, int32[{LINES_A_GROUP}, positions] ids, float[{LINES_A_GROUP}, positions] probabilities
    )
  {{
    goes_on_too = Identity (goes_on)
    group_pixels = Gather <axis = 0> (grouped_pixels, number){_CHARACTERS.replace("(pixels)", "(group_pixels)")}
    ids = Identity (likeliest_32)
    probabilities = Identity (probability)
  }}>
  all_shape = Shape (all_ids)
  position_count_1 = Slice (all_shape, at_2, at_3)
  position_count = Squeeze <axes = [0]> (position_count_1)
  position_numbers = Range (zero, position_count, one)
  position_columns = Mul (position_numbers, stride)
  position_columns_32 = Cast <to = 6> (position_columns)
  groups_width_up = Unsqueeze <axes = [1, 2]> (groups_width)
  is_in_group = Less (position_columns_32, groups_width_up)
  grouped_ids = Where (is_in_group, all_ids, no_pixels){_FLAT}
  CHARACTER_IDS = Unsqueeze <axes = [0]> (flat_ids)
  CHARACTER_PROBABILITIES = Unsqueeze <axes = [0]> (flat_probabilities)
}}
"""
"""For TensorRT, which takes no shape that changes from group to group, and bytes for nothing but a cast."""


def detector_graph(network: ModelProto) -> ModelProto:
    """From a photo in BGR, TEXT_PIXELS, to the probability of text at each place, TEXT_MAP."""
    return _with_network(_DETECTOR, network)


def recogniser_graph(network: ModelProto, *, is_cut: bool) -> ModelProto:
    """From lines to their characters, each with its probability.

    Args:
        is_cut: True: a group is cut to its own lines and width before the network reads it, as rapidocr does. False:
            every group is read at the full width, because inside a loop TensorRT takes no shape that changes.
    """
    return _with_network(_EACH_GROUP_CUT if is_cut else _GROUPS_AS_WIDE, network)


def _with_network(text: str, network: ModelProto) -> ModelProto:
    model = parser.parse_model(text)
    del model.opset_import[1:]
    model.opset_import[0].version = network.opset_import[0].version
    used = set(_names_in(model.graph))
    for place in reversed([n for n, table in enumerate(model.graph.initializer) if table.name not in used]):
        del model.graph.initializer[place]
    model.graph.initializer.extend(_give_axes(model.graph, network.opset_import[0].version))
    model.graph.initializer.extend(network.graph.initializer)
    _put_in(model.graph, network.graph)
    onnx.checker.check_model(model)
    return model


def _give_axes(graph: GraphProto, opset: int) -> list[TensorProto]:
    """Turn the attribute `axes` into an input, where the network's version of ONNX wants it so; returns the inputs."""
    found = []
    for node in graph.node:
        for attribute in list(node.attribute):
            if attribute.type == onnx.AttributeProto.GRAPH:
                found += _give_axes(attribute.g, opset)
            elif attribute.name == "axes" and opset >= _AXES_ARE_INPUT_FROM[node.op_type]:
                found.append(helper.make_tensor(f"{node.output[0]}_axes", TensorProto.INT64, [len(attribute.ints)],
                                                attribute.ints))  # fmt: skip
                node.input.append(found[-1].name)
                node.attribute.remove(attribute)
    return found


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


def _names_in(graph: GraphProto) -> Iterator[str]:
    """Name all that nodes take, those of graphs within it too."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _names_in(attribute.g)
