"""Features of frozen single models, which every policy that starts from the same ones sees.

Axes: P persons, T frames, A actions, C channels.
"""

from collections.abc import Callable, Hashable

from torch import Tensor

# Bytes of memory. More than that is computed anew each time.
MOST = 6 * 10**9


class SharedFeatures:
    """Remembers features (P, T, A, C), in half precision, by the models that they are of and by their batch.

    Where there is no more room, what was remembered first of other models is forgotten.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._by_models: dict[Hashable, dict[Hashable, Tensor]] = {}

    def get(self, models: Hashable, batch: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """What is remembered, else what `compute` gives."""
        of_models = self._by_models.setdefault(models, {})
        if batch not in of_models:
            features_PTAC = compute().half()
            if not self._has_room(features_PTAC, models):
                return features_PTAC
            of_models[batch] = features_PTAC
        return of_models[batch]

    def clear(self) -> None:
        self._by_models.clear()

    def __len__(self) -> int:
        return sum(len(remembered) for remembered in self._by_models.values())

    def _has_room(self, features: Tensor, models: Hashable) -> bool:
        while self._bytes() + features.nbytes > self.most:
            oldest = next((others for others in self._by_models if others != models), None)
            if oldest is None:
                return False
            del self._by_models[oldest]
        return True

    def _bytes(self) -> int:
        return sum(features.nbytes for remembered in self._by_models.values() for features in remembered.values())
