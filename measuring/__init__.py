"""Parts that measurements share: pages, plots, memory of processes, files of photos and of labelled questions."""
