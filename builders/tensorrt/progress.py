"""TensorRT's progress as a bar, and Ctrl-C as an end to its build."""

from typing import Any, SupportsInt

from tqdm import tqdm

from builders.tensorrt.api import trt


class ProgressBars(trt.IProgressMonitor):
    """A bar for each phase that TensorRT is in, the outermost first."""

    def __init__(self) -> None:
        # TensorRT's own base must be initialised by name, or its callbacks are lost.
        trt.IProgressMonitor.__init__(self)
        self.interrupted = False
        self._bars: dict[str, tqdm[Any]] = {}

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: SupportsInt) -> None:
        place = len(self._bars)
        self._bars[phase_name] = tqdm(total=int(num_steps), desc=phase_name, position=place, leave=False, disable=None)

    def step_complete(self, phase_name: str, step: SupportsInt) -> bool:
        """Whether to go on. TensorRT calls this from C++, where an exception would be lost."""
        try:
            bar = self._bars.get(phase_name)
            if bar is not None:
                bar.update(int(step) + 1 - bar.n)
        except KeyboardInterrupt:
            self.interrupted = True
        return not self.interrupted

    def phase_finish(self, phase_name: str) -> None:
        bar = self._bars.pop(phase_name, None)
        if bar is not None:
            bar.close()
