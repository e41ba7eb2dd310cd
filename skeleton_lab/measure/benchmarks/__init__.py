"""The comparisons of `skeleton-lab bench`.

Each is a function that makes what it needs, files in the folder that it is given, and returns a Benchmark.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.measure.benchmarks import data, deform3d, gca_lstm, graph_networks, networks, segments, sparse, star

BENCHMARKS: Mapping[str, Callable[[Path], Benchmark]] = {
    "parse": data.parse,
    "parse_all_cores": data.parse_all_cores,
    "batches": data.batches,
    "opening": data.opening,
    "clips": data.clips,
    "films": data.films,
    "segment_mean": segments.segment_mean,
    "segment_max": segments.segment_max,
    "sgn_training": networks.sgn_training,
    "sgn_training_bf16": networks.sgn_training_bf16,
    "adasgn_training": networks.adasgn_training,
    "adasgn_training_bf16": networks.adasgn_training_bf16,
    "adasgn_inference_1": networks.adasgn_inference_1,
    "adasgn_inference_16": networks.adasgn_inference_16,
    "adasgn_inference_256": networks.adasgn_inference_256,
    "adasgn_by_frame": networks.adasgn_by_frame,
    "ctr_gcn_training": graph_networks.ctr_gcn_training,
    "dg_stgcn_training": graph_networks.dg_stgcn_training,
    "st_gcn_training": graph_networks.st_gcn_training,
    "star_training": star.star_training,
    "star_training_bf16": star.star_training_bf16,
    "star_inference": star.star_inference,
    "star_inference_equal": star.star_inference_equal,
    "star_attention": star.star_attention,
    "gca_lstm_lattice_4": gca_lstm.gca_lstm_lattice_4,
    "gca_lstm_lattice_64": gca_lstm.gca_lstm_lattice_64,
    "aa_gcn_training": graph_networks.aa_gcn_training,
    "aa_gcn_training_bf16": graph_networks.aa_gcn_training_bf16,
    "deform3d_blocks": deform3d.deform3d_blocks,
    "sparse_warm_up": sparse.sparse_warm_up,
    "sparse_fine_tuning": sparse.sparse_fine_tuning,
}
