"""What every measurement needs once: pages, plots, memory of processes, files of photos and of labelled questions."""
