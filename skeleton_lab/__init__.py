"""An experiment suite that re-runs, table by table, five papers on skeleton-based action recognition."""
