"""Every model by its name: the type of its settings, and where its LightningModule stands."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from data_modules.settings import SkeletonSettings, VideoSettings
from skeleton_lab.backbones.settings import (
    AAGCNSettings,
    CTRGCNSettings,
    DGSTGCNSettings,
    STGCNSettings,
    STLSTMSettings,
    STTRSettings,
)
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings, SGNSettings
from skeleton_lab.papers.deform3d.settings import Deform3DSettings
from skeleton_lab.papers.gca_lstm.settings import GCALSTMSettings
from skeleton_lab.papers.sparse_stgcn.settings import (
    CTRGCNTicketSettings,
    SparseAAGCNSettings,
    SparseCTRGCNSettings,
    SparseDGSTGCNSettings,
    SparseSTGCNSettings,
    STGCNTicketSettings,
)
from skeleton_lab.papers.star.settings import STARSettings


@dataclass(frozen=True)
class Model:
    """settings: a dataclass, the keys under `model.`; module: 'package.file:Class', imported only when needed.

    data: the keys under `data.`, which say what its clips are: skeletons, or films with poses.
    version: raise it when the code changes what a run results in; runs of the older version then count no more.
    starts_from: the models that its runs may require.
    """

    settings: type
    module: str
    version: int
    starts_from: tuple[str, ...] = ()
    data: type = SkeletonSettings

    @property
    def shows_films(self) -> bool:
        return issubclass(self.data, VideoSettings)

    def module_class(self) -> Any:
        """The ClassificationModule of training/module.py that trains it; a registry cannot know those who use it."""
        file, name = self.module.split(":")
        return getattr(import_module(file), name)


MODELS = {
    "sgn": Model(SGNSettings, "skeleton_lab.papers.adasgn.module:SGNModule", version=1),
    "adasgn_single": Model(SGNSettings, "skeleton_lab.papers.adasgn.module:SGNModule", version=1),
    "adasgn": Model(AdaSGNSettings, "skeleton_lab.papers.adasgn.module:AdaSGNModule", 1, ("adasgn_single",)),
    "star_64": Model(STARSettings, "skeleton_lab.papers.star.module:STARModule", version=1),
    "star_128": Model(STARSettings, "skeleton_lab.papers.star.module:STARModule", version=1),
    "st_gcn": Model(STGCNSettings, "skeleton_lab.backbones.module:BackboneModule", version=2),
    "st_tr_s": Model(STTRSettings, "skeleton_lab.backbones.module:BackboneModule", version=2),
    "st_tr_t": Model(STTRSettings, "skeleton_lab.backbones.module:BackboneModule", version=2),
    "aa_gcn": Model(AAGCNSettings, "skeleton_lab.backbones.module:BackboneModule", version=3),
    "ctr_gcn": Model(CTRGCNSettings, "skeleton_lab.backbones.module:BackboneModule", version=3),
    "dg_stgcn": Model(DGSTGCNSettings, "skeleton_lab.backbones.module:BackboneModule", version=2),
    "sparse_st_gcn": Model(SparseSTGCNSettings, "skeleton_lab.papers.sparse_stgcn.module:SparseModule", version=3),
    "sparse_aa_gcn": Model(SparseAAGCNSettings, "skeleton_lab.papers.sparse_stgcn.module:SparseModule", version=3),
    "sparse_ctr_gcn": Model(SparseCTRGCNSettings, "skeleton_lab.papers.sparse_stgcn.module:SparseModule", version=3),
    "sparse_dg_stgcn": Model(SparseDGSTGCNSettings, "skeleton_lab.papers.sparse_stgcn.module:SparseModule", version=3),
    "ticket_st_gcn": Model(
        STGCNTicketSettings, "skeleton_lab.papers.sparse_stgcn.tickets:TicketModule", 3, ("sparse_st_gcn",)
    ),
    "ticket_ctr_gcn": Model(
        CTRGCNTicketSettings, "skeleton_lab.papers.sparse_stgcn.tickets:TicketModule", 3, ("sparse_ctr_gcn",)
    ),
    "st_lstm": Model(STLSTMSettings, "skeleton_lab.papers.gca_lstm.module:STLSTMModule", version=1),
    "gca_lstm": Model(GCALSTMSettings, "skeleton_lab.papers.gca_lstm.module:GCALSTMModule", version=1),
    "gca_lstm_two_stream": Model(GCALSTMSettings, "skeleton_lab.papers.gca_lstm.module:GCALSTMModule", version=1),
    "deform3d": Model(
        Deform3DSettings, "skeleton_lab.papers.deform3d.module:Deform3DModule", version=2, data=VideoSettings
    ),
}
