// What llama.cpp writes at its configure step.
#pragma once
