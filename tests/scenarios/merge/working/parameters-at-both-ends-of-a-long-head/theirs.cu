void cv::cuda::threshold(InputArray _src, InputArray _mask, OutputArray _dst, double thresh, double maxVal, int type, Stream& stream)
{
    GpuMat src = getInputMat(_src, stream);

    GpuMat mask = getInputMat(_mask, stream);
    const int depth = src.depth();

    CV_Assert( depth <= CV_64F );
    CV_Assert( type <= 4 );

    GpuMat dst = getOutputMat(_dst, src.size(), src.type(), stream);
    src = src.reshape(1);
    dst = dst.reshape(1);

    typedef void (*func_t)(const GpuMat& src, const GpuMat& dst, double thresh, double maxVal, int type, Stream& stream);
    static const func_t funcs[] =
    {
        thresholdImpl<uchar>,
        thresholdImpl<schar>,
        thresholdImpl<ushort>,
        thresholdImpl<short>,
        thresholdImpl<int>,
        thresholdImpl<float>,
        thresholdImpl<double>
    };

    if (depth == CV_32F)
        thresh = round(thresh);

    funcs[depth](src, dst, thresh, maxVal, type, stream);
    syncOutput(dst, _dst, stream);
}
