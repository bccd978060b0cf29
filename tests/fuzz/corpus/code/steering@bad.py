import torch

print 'x[31m'
